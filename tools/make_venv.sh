#!/bin/bash
# Makes the virtual environment given as first argument with a Python that is new enough.
#
# The interpreter makes a difference of an eighth to every figure of the server: those of distributions are built
# with profile-guided optimisation, those that pyenv and others compile at home are not unless asked.  So one that is
# known to be optimised comes first; PYTHON=/path/to/python3 overrules.
set -eu
venv=$1
tools=$(dirname "$0")

new_enough() { command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

optimised() {
  "$1" -c 'import sys, sysconfig
distributed = sys.base_prefix == "/usr"
sys.exit(not distributed and "--enable-optimizations" not in (sysconfig.get_config_var("CONFIG_ARGS") or ""))'
}

makes_venvs() { "$1" -c 'import venv, ensurepip' 2>/dev/null; }

python=""
any=""
for candidate in ${PYTHON:-} python3 /usr/bin/python3 python3.14 python3.13 python3.12 python3.11; do
  if ! new_enough "$candidate"; then continue; fi
  if [ "$candidate" = "${PYTHON:-}" ] || { optimised "$candidate" && { makes_venvs "$candidate" || [ "$(id -u)" = 0 ]; }; }; then
    python=$candidate
    break
  fi
  any=${any:-$candidate}
done
python=${python:-$any}
if [ -z "$python" ]; then
  echo "Courriel needs Python 3.11 or newer; none was found (set PYTHON=/path/to/python3)" >&2
  exit 1
fi
if ! makes_venvs "$python"; then "$tools/system_packages.sh" venv; fi
if ! makes_venvs "$python" && [ -n "$any" ]; then python=$any; fi
if ! "$python" -m venv "$venv"; then
  rm -rf "$venv"
  echo "could not make $venv: on Debian, install python3-venv" >&2
  exit 1
fi
