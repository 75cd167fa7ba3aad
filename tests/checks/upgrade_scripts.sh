#!/bin/bash
# Upgrade scripts: an unbroken chain to the present version, tables touched only through the helper.
set -euo pipefail
status=0
complain() {
  printf '%s\n' "$*"
  status=1
}
version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" control/platform_factory.control)
ends=()
for file in sql/upgrade/*.sql; do
  [ -e "$file" ] || continue
  name=$(basename "$file" .sql)
  [[ $name =~ ^platform_factory--[0-9.]+--([0-9.]+)$ ]] || {
    complain "$file: the name is platform_factory--FROM--TO.sql"
    continue
  }
  ends+=("${BASH_REMATCH[1]}")
  head -n 1 "$file" | grep -q '^\\echo .*\\quit$' || complain "$file does not begin with the line that stops psql"
  found=$(sed 's/--.*//' "$file" | grep -niE '^ *(create|alter|drop) +(unlogged +)?(table|index|type|sequence)' || true)
  [ -z "$found" ] || complain "$file changes tables without the helper:
$found"
done
if [ ${#ends[@]} -gt 0 ] && ! printf '%s\n' "${ends[@]}" | grep -qxF "$version"; then
  complain "no script of sql/upgrade leads to $version, the version of the control file"
fi
exit $status
