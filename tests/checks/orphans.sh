#!/bin/bash
# No test without an expected output, no expected output without a test.
set -euo pipefail
status=0
compare() {
  local lonely
  lonely=$(comm -3 <(find "$1" -maxdepth 1 -name "*.$2" -printf '%f\n' 2>/dev/null | sed 's/\.[a-z]*$//' | sort) \
    <(find "$3" -maxdepth 1 -name '*.out' -printf '%f\n' 2>/dev/null | sed 's/\.out$//' | sort))
  if [ -n "$lonely" ]; then
    printf 'in only one of %s and %s:\n%s\n' "$1" "$3" "$lonely"
    status=1
  fi
}
compare regress sql expected
compare regress/isolation spec expected/isolation
exit $status
