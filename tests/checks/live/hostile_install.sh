#!/bin/bash
# CREATE EXTENSION where somebody with CREATE on the database was there first: his schema stops it, and none of his
# functions, operators or default privileges has any part in it.
set -euo pipefail
fresh=hostile_install
admin() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}
there() {
  admin "${ADMIN_URL/\/platform\?//$fresh?}" "$@"
}
fail() {
  printf '%s\n' "$*"
  exit 1
}
clean_up() {
  admin "$ADMIN_URL" -c 'ALTER ROLE factory_operator NOCREATEDB' -c "DROP DATABASE IF EXISTS $fresh" \
    -c 'DROP ROLE IF EXISTS mallory' >/dev/null 2>&1
}
trap clean_up EXIT
make_fresh() {
  admin "$ADMIN_URL" -c 'SET client_min_messages = warning' -c "DROP DATABASE IF EXISTS $fresh" -c "CREATE DATABASE $fresh"
}

admin "$ADMIN_URL" -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS $fresh" \
  -c 'DROP ROLE IF EXISTS mallory' -c 'CREATE ROLE mallory'

# A schema of that name is refused, not taken over.
make_fresh
there -c 'CREATE SCHEMA factory AUTHORIZATION mallory'
if said=$(there -c 'CREATE EXTENSION platform_factory' 2>&1); then fail 'the schema of somebody else was taken over'; fi
grep -q 'schema "factory" already exists' <<<"$said" || fail "refused for another reason: $said"
[ "$(there -c "SELECT count(*) FROM pg_class WHERE relnamespace = 'factory'::regnamespace")" = 0 ] ||
  fail 'the refused install left something behind'

# A role of ours with more rights than we give it is refused, with the statement that mends it.
make_fresh
there -c 'ALTER ROLE factory_operator CREATEDB'
if said=$(there -c 'CREATE EXTENSION platform_factory' 2>&1); then fail 'a role with other attributes was accepted'; fi
grep -q 'HINT:.*ALTER ROLE factory_operator .*NOCREATEDB' <<<"$said" || fail "the refusal does not say what to do: $said"
there -c 'ALTER ROLE factory_operator NOCREATEDB'

# Twins of every operator, and of every function whose name occurs in the install script, in front of the real ones.
make_fresh
script=$(echo build/sql/platform_factory--*.sql)
words=$(sed 's/--.*//' "$script" | grep -oE '[a-z_][a-z0-9_]*' | sort -u | paste -sd,)
there -v words="$words" -v database="$fresh" <<'SQL'
GRANT CREATE ON SCHEMA public TO mallory;
GRANT CREATE ON DATABASE :"database" TO mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO mallory;
ALTER DEFAULT PRIVILEGES FOR ROLE factory_owner GRANT ALL ON TABLES TO mallory;
ALTER DEFAULT PRIVILEGES FOR ROLE factory_owner GRANT ALL ON FUNCTIONS TO mallory;
SET ROLE mallory;
-- A sequence keeps its count when the transaction that was hijacked fails.
CREATE SEQUENCE public.witness MINVALUE 0 START 0;
GRANT USAGE ON SEQUENCE public.witness TO PUBLIC;
SELECT format('CREATE FUNCTION public.%I(%s) RETURNS %s LANGUAGE plpgsql AS
               ''BEGIN PERFORM pg_catalog.nextval(''''public.witness''''); RETURN NULL; END''',
              proname, pg_get_function_identity_arguments(oid), format_type(prorettype, NULL))
  FROM pg_proc p
 WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND NOT proretset AND provariadic = 0
   AND proallargtypes IS NULL AND proname = ANY (string_to_array(:'words', ','))
   AND NOT EXISTS (SELECT FROM pg_type t WHERE t.typtype = 'p' AND (t.oid = prorettype OR t.oid = ANY (proargtypes))) \gexec
SELECT format('CREATE FUNCTION public.spy_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS
               ''BEGIN PERFORM pg_catalog.nextval(''''public.witness''''); RETURN NULL; END;''',
              oid, oprleft::regtype, oprright::regtype, oprresult::regtype),
       format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.spy_%s)',
              oprname, oprleft::regtype, oprright::regtype, oid)
  FROM pg_operator o
 WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprkind = 'b' AND oprresult <> 0
   AND NOT EXISTS (SELECT FROM pg_type t WHERE t.typtype = 'p' AND t.oid IN (oprleft, oprright, oprresult)) \gexec
RESET ROLE;
ALTER DATABASE :"database" SET search_path = public, pg_catalog;
SQL
planted=$(there -c "SET search_path = pg_catalog" -c "SELECT count(*) FROM pg_operator WHERE oprnamespace = 'public'::regnamespace")
[ "$planted" -gt 300 ] || fail "only $planted operators were planted"
there -c "SELECT lower('A'), 'a'::text = 'b'::text" >/dev/null
[ "$(there -c 'SELECT last_value FROM public.witness')" -ge 1 ] || fail 'the planted functions do not even hijack a plain query'
there -c "SELECT pg_catalog.setval('public.witness', 0, false)" >/dev/null

there -c 'CREATE EXTENSION platform_factory'
[ "$(there -c 'SET search_path = pg_catalog' -c 'SELECT is_called FROM public.witness')" = f ] ||
  fail 'code of somebody else ran while the extension was installed'

granted=$(there -c "SET search_path = pg_catalog" -c "
  SELECT c.oid::regclass::text FROM pg_class c, aclexplode(c.relacl) a
   WHERE c.relnamespace = 'factory'::regnamespace AND a.grantee = 'mallory'::regrole
  UNION ALL
  SELECT p.oid::regprocedure::text FROM pg_proc p, aclexplode(p.proacl) a
   WHERE p.pronamespace = 'factory'::regnamespace AND a.grantee = 'mallory'::regrole")
[ -z "$granted" ] || fail "default privileges planted before gave him: $granted"
open=$(there -c "SET search_path = pg_catalog" -c "
  SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
   WHERE p.pronamespace = 'factory'::regnamespace AND l.lanname IN ('sql', 'plpgsql')
     AND NOT EXISTS (SELECT FROM unnest(p.proconfig) s WHERE s LIKE 'search_path=%')
     AND p.prosqlbody IS NULL")
[ -z "$open" ] || fail "functions that look names up wherever the caller says: $open"
there -c 'SET search_path = pg_catalog' -c 'DROP EXTENSION platform_factory' ||
  fail 'an extension without workspaces could not be dropped'
