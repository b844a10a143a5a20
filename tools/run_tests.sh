#!/bin/bash
# Everything CI runs. A failed check does not hide what the tests have to say; the last line is pytest's.
set -u
cd "$(dirname "$0")/.." || exit 1
tools/check.sh
checked=$?
workers=${TEST_WORKERS:-2}
.venv/bin/python -m pytest -n "$workers" --dist loadgroup "$@"
tested=$?
[ "$tested" != 0 ] && exit "$tested"
exit "$checked"
