#!/usr/bin/env bash
# Prints the path of the distribution's own Python, if it is new enough and can make virtual environments and extensions; else nothing.
#
# For measuring: distributions build Python with profile-guided optimisation, which others (pyenv by default) leave out, and which makes
# an interpreter a tenth to a fifth faster. What of its packages is missing is installed when that is allowed.
set -euo pipefail

python=/usr/bin/python3

usable() {
    "$python" -c "import ensurepip, os, sys, sysconfig, venv
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()['include'], 'Python.h')))" >/dev/null 2>&1
}

"$python" -c "import sys; sys.exit(sys.version_info < (3, 11))" >/dev/null 2>&1 || exit 0
if ! usable && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends python3-venv python3-dev; } \
        >/tmp/headgate-apt.log 2>&1 || true
fi
if usable; then
    echo "$python"
fi
