#!/bin/sh
# Makes a virtual environment with the first Python of 3.11 or newer, and says plainly what is missing if it cannot.
#
#     tools/make_venv.sh FOLDER [PYTHON]
set -eu
folder=$1
wanted=${2:-}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

python=
for candidate in ${wanted:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
    if command -v "$candidate" >/dev/null 2>&1 && new_enough "$candidate"; then
        python=$candidate
        break
    fi
done

if [ -z "$python" ]; then
    if [ -n "$wanted" ]; then
        echo "PYTHON=$wanted is not a Python of version 3.11 or newer." >&2
    else
        echo "Gatepost needs Python 3.11 or newer, and there is none on the PATH." >&2
        echo "If it is elsewhere, name it: make PYTHON=/path/to/python3.11" >&2
    fi
    exit 2
fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$python cannot make a virtual environment: its modules venv and ensurepip are missing." >&2
    echo "On Debian and Ubuntu they are in a package of their own: apt-get install python3-venv" >&2
    exit 2
fi

"$python" -m venv "$folder"
