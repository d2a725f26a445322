#!/usr/bin/env bash
# Make the virtual environment and install the locked requirements and the project into it.
set -euo pipefail
venv=$1

find_python() {
    local name
    for name in "${PYTHON:-python3.11}" python3 python3.12 python3.13 python3.14; do
        if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            echo "$name"
            return
        fi
    done
    echo "No Python 3.11 or newer was found. Install one, or name it: make setup PYTHON=/path/to/python3" >&2
    exit 2
}

python=$(find_python)
if ! "$venv/bin/python" -c '' 2>/dev/null || [ ! -x "$venv/bin/pip" ]; then
    echo "Setting up $venv with $("$python" --version)" >&2
    if ! "$python" -m venv --clear "$venv"; then
        echo "Python's venv module is missing. On Debian: apt-get install python3-venv" >&2
        exit 2
    fi
fi

uv=$(grep -m1 '^uv==' requirements.txt)
if [ "$("$venv/bin/uv" --version 2>/dev/null | cut -d' ' -f2)" != "${uv#uv==}" ]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$uv"
fi
"$venv/bin/uv" pip install --quiet --system-certs --python "$venv/bin/python" --compile-bytecode -r requirements.txt
"$venv/bin/uv" pip install --quiet --system-certs --python "$venv/bin/python" --no-deps --editable .
