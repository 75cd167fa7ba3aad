#!/bin/bash
# Words that have no business in the tree: paths of one machine, package mirrors, work that was put off.
set -euo pipefail
status=0
files() {
  find . \( -path ./.git -o -path ./build -o -path ./.local -o -name node_modules \) -prune -o -type f -print |
    grep -v '^./tests/checks/words.sh$'
}
# forbid PATTERN REASON
forbid() {
  local found
  found=$(files | xargs -d '\n' grep -nIE -- "$1" || true)
  if [ -n "$found" ]; then
    printf '%s:\n%s\n' "$2" "$found"
    status=1
  fi
}
forbid '(^|[^A-Za-z0-9_./-])/(work|root|home/[a-z]+)(/|[^A-Za-z0-9_]|$)' 'a path of one machine'
forbid '(registry\.npmjs\.org|registry\.yarnpkg\.com|deb\.debian\.org|security\.debian\.org|pypi\.org)' 'a package registry by name'
forbid '(^|[^A-Za-z])(TODO|FIXME|HACK)([^A-Za-z]|$)' 'work that was put off'
forbid '^(<<<<<<<|>>>>>>>)' 'a merge that was not finished'
exit $status
