#!/bin/bash
# The install script takes over nothing that is there already, and opens no door by accident.
set -euo pipefail
script=$(echo build/sql/platform_factory--*.sql)
status=0
[ -e "$script" ] || {
  printf 'there is no install script: run make build\n'
  exit 1
}

# forbid PATTERN REASON
forbid() {
  local found
  found=$(sed 's/--.*//' "$script" | grep -niE -- "$1" || true)
  if [ -n "$found" ]; then
    printf '%s (%s):\n%s\n' "$2" "$script" "$found"
    status=1
  fi
}

forbid '^ *create or replace' 'OR REPLACE survived into the first install'
forbid '^ *create [a-z ]*if not exists' 'IF NOT EXISTS may hand us an object of somebody else'
forbid '@extschema' 'the schema is named, never quoted in'
forbid 'grant +([^u]|u[^s]|usage on [^s]).* to public' 'nothing is granted to everybody but the sight of the schema'
head -n 1 "$script" | grep -q '^\\echo .*\\quit$' || {
  printf '%s does not begin with the line that stops psql\n' "$script"
  status=1
}
exit $status
