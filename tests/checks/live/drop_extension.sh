#!/bin/bash
# The extension does not go while workspaces live in it, by whichever statement; without them it goes, and comes again.
set -euo pipefail
fresh=drop_extension
fail() {
  printf '%s\n' "$*"
  exit 1
}
admin() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 "$ADMIN_URL" "$@"
}
there() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 "${ADMIN_URL/\/platform\?//$fresh?}" "$@"
}
trap 'admin -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS $fresh"' EXIT
admin -c 'SET client_min_messages = warning' -c "DROP DATABASE IF EXISTS $fresh" -c "CREATE DATABASE $fresh"
there -c 'CREATE EXTENSION platform_factory' \
  -c "INSERT INTO factory.tenant_records (id, slug, name) VALUES (gen_random_uuid(), 'one', 'One')"

rows() {
  there -c 'SELECT count(*) FROM factory.tenant_records'
}
for statement in 'DROP EXTENSION platform_factory' 'DROP EXTENSION platform_factory CASCADE' 'DROP SCHEMA factory CASCADE' \
  'DROP OWNED BY factory_owner' 'DROP OWNED BY factory_owner CASCADE' 'DROP TABLE factory.tenant_records CASCADE'; do
  if said=$(there -c "$statement" 2>&1); then fail "$statement went through"; fi
  [ "$(rows)" = 1 ] || fail "$statement took the workspaces"
done
said=$(there -c '\set VERBOSITY verbose' -c 'DROP EXTENSION platform_factory CASCADE' 2>&1) && fail 'it went'
grep -q '2BP01' <<<"$said" && grep -q 'HINT' <<<"$said" && grep -q 'tenants_exist' <<<"$said" || fail "refused without saying why: $said"

# A deleted workspace whose rows are kept is one still.
there -c "UPDATE factory.tenant_records SET status = 'deleted'"
if there -c 'DROP EXTENSION platform_factory CASCADE' >/dev/null 2>&1; then fail 'it went with a deleted workspace'; fi

there -c 'DELETE FROM factory.tenant_records' -c 'DROP EXTENSION platform_factory'
[ "$(there -c "SELECT count(*) FROM pg_namespace WHERE nspname = 'factory'")" = 0 ] || fail 'something of it is left'
# In the session that dropped it, too.
there -c 'CREATE EXTENSION platform_factory' -c 'DROP EXTENSION platform_factory' -c 'CREATE EXTENSION platform_factory' \
  -c "SELECT count(*) FROM factory.lint() WHERE object ~ 'factory' AND rule <> 'runtime_role_creates'" |
  grep -qx 0 || fail 'lint finds something in the new one'
# A table that somebody protected holds it, unless the drop cascades to the protection.
there -c 'CREATE TABLE public.notes (id int)' -c "SELECT factory.protect('public.notes')" >/dev/null
if there -c 'DROP EXTENSION platform_factory' >/dev/null 2>&1; then fail 'it left a protected table behind'; fi
