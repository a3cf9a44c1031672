"""Becomes a plugin: ``python -I -S launcher.py OPTIONS PROGRAM ARGUMENT...``.

Between the fork of the supervisor and the plugin's exec something must set limits and the parent-death signal. Code that runs in a forked
copy of a process with an event loop and threads is unsafe (``preexec_fn``), so it is this program of its own, which imports nothing
that it does not need. What goes wrong it writes to the descriptor ``error_fd``, whose end without a word means that the exec succeeded.

Options are one JSON object: ``parent`` (process id), ``error_fd``, ``open_files``, ``cpus`` (list of processor numbers; empty: all),
``name`` (``argv[0]`` of the plugin).
"""

import ctypes
import json
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Set up this process, and replace it by the plugin."""
    options = json.loads(sys.argv[1])
    program, arguments = sys.argv[2], sys.argv[2:]
    error_fd = int(options["error_fd"])
    os.set_inheritable(error_fd, False)
    try:
        _set_up(options)
        os.execve(program, arguments, os.environ)
    except (OSError, ValueError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        os.write(error_fd, reason.lower().encode("utf-8", "replace"))
    # No clean-up of the interpreter: nothing here has begun.
    os._exit(127)


def _set_up(options: dict[str, object]) -> None:
    # The kernel kills this process when the supervisor's main thread ends, however it ends.
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != options["parent"]:
        os._exit(127)  # it had ended before
    open_files = options["open_files"]
    if isinstance(open_files, int) and open_files:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        limit = open_files if hard == resource.RLIM_INFINITY else min(open_files, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    cpus = options["cpus"]
    if isinstance(cpus, list) and cpus:
        os.sched_setaffinity(0, cpus)
    # The interpreter ignores these; a plugin begins with what every program begins with.
    for name in ("SIGPIPE", "SIGXFSZ"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


if __name__ == "__main__":
    main()
