#!/bin/bash
# The C++ is laid out as .clang-format says; make format does it. Releases of clang-format differ: 14 decides.
set -euo pipefail
if ! command -v clang-format-14 >/dev/null; then
  printf 'this machine has no clang-format-14, which decides\n'
  exit 77
fi
wrong=$(find extension edge tests -name '*.[ch]pp' -print0 | xargs -0 clang-format-14 --dry-run 2>&1 |
  sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: warning.*/\1/p' | sort -u)
if [ -n "$wrong" ]; then
  printf 'run make format for:\n%s\n' "$wrong"
  exit 1
fi
