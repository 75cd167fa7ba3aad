#!/bin/bash
# Who may include whom, and who may speak of jumps and exceptions.
set -euo pipefail
status=0

# forbid FOLDER PATTERN REASON: no line of the folder's C++ matches, comments left out.
forbid() {
  local found
  found=$(grep -rnE --include='*.[ch]pp' -- "$2" $1 2>/dev/null | grep -vE '^[^:]*:[0-9]*: *//' || true)
  if [ -n "$found" ]; then
    printf '%s\n%s\n' "$3:" "$found"
    status=1
  fi
}

postgres='#include *[<"](postgres|fmgr|utils/|executor/|access/|catalog/|storage/|miscadmin|libpq|pg/)'
forbid 'extension/core extension/crypto' "$postgres" 'core and crypto never see Postgres'
forbid extension/core '#include *"(api|edge)/' 'core sees nothing above it'
forbid extension/crypto '#include *"(api|edge|core)/' 'crypto sees only itself'
forbid extension/pg '#include *"(api|edge|crypto)/' 'pg sees Postgres, and of ours only the values of core that it turns into datums and errors'
forbid extension '#include *"edge/' 'the extension does not know the edge'
forbid edge '#include *"(core|crypto|pg|api|extension)/|postgres\.h' 'the edge sees none of the extension'
forbid 'extension edge' '#include *"\.\.?/' 'includes name the path from their root'
forbid 'extension edge tests' '^ *using namespace std;' 'namespace std is not opened whole'

guard=extension/pg/guard.hpp
found=$(grep -rnE --include='*.[ch]pp' 'PG_TRY|PG_CATCH|PG_FINALLY|sigsetjmp|siglongjmp|catch \(\.\.\.\)' extension |
  grep -vE "^$guard:|^[^:]*:[0-9]*: *//" || true)
if [ -n "$found" ]; then
  printf 'only %s handles jumps and unknown exceptions:\n%s\n' "$guard" "$found"
  status=1
fi

found=$(grep -rLE --include='*.hpp' '^#pragma once' extension edge || true)
if [ -n "$found" ]; then
  printf 'headers without #pragma once:\n%s\n' "$found"
  status=1
fi
exit $status
