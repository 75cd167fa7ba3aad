#!/bin/bash
# A capability has one name in every folder, and all of its parts.
set -euo pipefail
status=0
complain() {
  printf '%s\n' "$*"
  status=1
}

manifest=$(sed -e 's/ *#.*//' -e '/^$/d' sql/install.list)
capabilities=$(printf '%s\n' "$manifest" | sed -n 's#^\(tables\|functions\)/\([a-z]*\)_\(tables\|functions\)\.sql$#\2#p' | sort -u)
[ -n "$capabilities" ] || complain 'sql/install.list names no capability'

for name in $capabilities; do
  for part in "sql/functions/${name}_functions.sql" "regress/$name.sql" "expected/$name.out" "docs/$name.md"; do
    [ -e "$part" ] || complain "capability $name lacks $part"
  done
  for other in $capabilities; do
    case "$other" in "$name") ;; "$name"*) complain "$name is a prefix of $other: a search for one finds both" ;; esac
  done
done
for file in extension/api/*_api.cpp; do
  [ -e "$file" ] || continue
  name=$(basename "$file" _api.cpp)
  grep -qx "$name" <<<"$capabilities" || complain "$file belongs to no capability of sql/install.list"
done

# Every file of the script is named once, and every name is a file.
for file in $manifest; do
  [ -e "sql/$file" ] || complain "sql/install.list names sql/$file, which is not there"
done
twice=$(printf '%s\n' "$manifest" | sort | uniq -d)
[ -z "$twice" ] || complain "named twice in sql/install.list: $twice"
while IFS= read -r file; do
  grep -qxF "${file#sql/}" <<<"$manifest" || complain "$file is not in sql/install.list"
done < <(find sql -name '*.sql' ! -name _header.sql ! -path 'sql/upgrade/*')
exit $status
