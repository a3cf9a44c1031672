"""Ends what a supervisor that was killed leaves behind: ``python -I -S keeper.py DIRECTORY``.

The parent-death signal ends a plugin, but not what the plugin has started. So one small process for all plugins reads from a pipe which
sessions there are (``+123``, ``-123``, one a line). The end of the pipe means that the supervisor is gone, however it died: the keeper then
kills every process of those sessions and removes the directory of their sockets. What made itself a session of its own escapes, as a
daemon means to.

The functions are the supervisor's, too.
"""

import contextlib
import os
import shutil
import signal
import sys


def session_members(session: int) -> list[int]:
    """The processes of a session that have not ended."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            fields = stat_fields(int(entry))
            # State, parent, process group, session.
            if len(fields) > 3 and fields[3] == str(session) and fields[0] not in ("Z", "X"):
                found.append(int(entry))
    return found


def stat_fields(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the state on; none if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].decode("ascii", "replace").split()
    except OSError:
        return []


def kill_session(session: int) -> None:
    """Kill the process group and every other process of a session. What is born meanwhile is met in the next round."""
    for _ in range(5):
        # There may be no such group any more, or only members that have ended.
        with contextlib.suppress(OSError):
            os.killpg(session, signal.SIGKILL)
        members = session_members(session)
        if not members:
            return
        for pid in members:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Read until the end of standard input, and kill what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    sessions: set[int] = set()
    for line in sys.stdin.buffer:
        sign, number_text = line[:1], line[1:].strip()
        if number_text.isdigit():
            (sessions.add if sign == b"+" else sessions.discard)(int(number_text))
    for session in sessions:
        kill_session(session)
    shutil.rmtree(sys.argv[1], ignore_errors=True)


if __name__ == "__main__":
    main()
