#!/bin/bash
# Every script parses, and those that are called by name may be run.
set -euo pipefail
status=0
for file in control/*.sh control/platform tests/run tests/clean-machine tests/checks/*.sh tests/checks/live/*.sh tests/bench/run tests/bench/rekey tests/bench/*.sh .ci/run; do
  bash -n "$file" || status=1
done
for file in control/platform tests/run tests/clean-machine .ci/run; do
  [ -x "$file" ] || {
    printf '%s is not executable\n' "$file"
    status=1
  }
done
exit $status
