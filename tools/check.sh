#!/bin/bash
# Format, lint, types, floors, RFC references. Runs all of them, says which failed, and fails when one did.
set -u
cd "$(dirname "$0")/.." || exit 1
bin=.venv/bin
failed=""

step() {
  local name=$1
  shift
  echo "--- $name"
  "$@" || failed="$failed, $name"
}

step "format" $bin/ruff format --check --quiet .
step "lint" $bin/ruff check --quiet .
step "types" $bin/mypy
step "floors" $bin/lint-imports
step "rfc references" $bin/python -m tools.rfcrefs --quiet
if [ -n "$failed" ]; then
  echo "check failed: ${failed#, }"
  exit 1
fi
echo "check passed"
