#!/bin/bash
# docs/http.md shows the catalogue of problems as it is: each code with its status, SQLSTATE and next step, in order.
set -euo pipefail
mkdir -p build
awk -F '\t' '!/^#/ && NF { printf "| `%s` | %s | `%s` | %s |\n", $1, $2, $3, $5 }' control/problems.tsv >build/problems.want
sed -n '/^## Codes$/,$p' docs/http.md | grep '^| `' >build/problems.shown || true
grep -q . build/problems.want || {
  printf 'control/problems.tsv has no row\n'
  exit 1
}
if ! diff build/problems.want build/problems.shown >build/problems.diff; then
  printf 'missing from (<) or not what (>) the table under Codes of docs/http.md shall say:\n'
  cat build/problems.diff
  exit 1
fi
