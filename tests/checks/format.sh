#!/bin/bash
# The C++ is laid out as .clang-format says; make format does it.
set -euo pipefail
wrong=$(find extension edge tests -name '*.[ch]pp' -print0 | xargs -0 clang-format --dry-run 2>&1 |
  sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: warning.*/\1/p' | sort -u)
if [ -n "$wrong" ]; then
  printf 'run make format for:\n%s\n' "$wrong"
  exit 1
fi
