#!/bin/bash
# A Postgres error report names a source file by its last part alone, so no two files share one.
set -euo pipefail
twice=$(find extension edge tests -name '*.[ch]pp' -printf '%f\n' | sort | uniq -d)
if [ -n "$twice" ]; then
  printf 'source names that are taken twice:\n%s\n' "$twice"
  exit 1
fi
