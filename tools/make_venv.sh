#!/bin/bash
# Makes the virtual environment given as first argument with a Python that is new enough.
set -eu
venv=$1

new_enough() { command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

python=""
for candidate in ${PYTHON:-} python3 python3.11 python3.12 python3.13 python3.14; do
  if new_enough "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
  echo "Courriel needs Python 3.11 or newer; none was found (set PYTHON=/path/to/python3)" >&2
  exit 1
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then "$(dirname "$0")/system_packages.sh" venv; fi
if ! "$python" -m venv "$venv"; then
  rm -rf "$venv"
  echo "could not make $venv: on Debian, install python3-venv" >&2
  exit 1
fi
