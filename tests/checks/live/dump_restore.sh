#!/bin/bash
# A platform in use, dumped by factory_backup and restored into a second cluster: every table is there row for row, so
# are policies, triggers and privileges, the wall stands, and people sign in again once an operator has adopted it.
set -euo pipefail
place=$(dirname "$DATA_DIR")
second=${place}r
bin=$("$PG_CONFIG" --bindir)
fail() {
  printf '%s\n' "$*"
  exit 1
}
first() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 "$ADMIN_URL" "$@"
}
other_url() {
  printf '%s\n' "${1/"$SOCKET_DIR"/"$second/run"}"
}
restored() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 "$(other_url "$ADMIN_URL")" "$@"
}
clean_up() {
  first -c 'SET client_min_messages = warning' -c "DELETE FROM factory.job_pauses WHERE reason = 'moving house'" \
    -c "DELETE FROM factory.safe_mode_reasons WHERE cause = 'dumped'" -c "DELETE FROM factory.health_components WHERE component = 'dumped'" \
    -c 'DELETE FROM factory.outbound_networks' -c "DELETE FROM factory.mail_templates WHERE name = 'dumped'" \
    -c "DELETE FROM factory.rate_policies WHERE plan = 'dumped'" \
    -c "DELETE FROM factory.routes WHERE function LIKE 'dumped.%'" \
    -c 'DROP SCHEMA IF EXISTS dumped CASCADE' -c 'DROP ROLE IF EXISTS dumped_owner' \
    -c "SELECT factory.platform_secret_delete('dumped') WHERE EXISTS (SELECT FROM factory.stored_platform_secrets WHERE name = 'dumped')" \
    -c "UPDATE factory.tenant_records SET plan = 'free' WHERE plan = 'dumped'" \
    -c "SELECT factory.drop_plan('dumped') WHERE EXISTS (SELECT FROM factory.plan_records WHERE id = 'dumped')" \
    -c "DELETE FROM factory.plan_limits WHERE NOT shipped AND plan = 'free'" \
    -c 'ALTER ROLE factory_backup NOLOGIN PASSWORD NULL' >/dev/null
  FACTORY_PLACE=$second control/platform stop >/dev/null 2>&1 || true
  rm -rf "$second"
}
trap clean_up EXIT
rm -rf "$second"

# Something in every table: people, workspaces, an invitation, sessions, keys of repeated calls, limits and what they
# refused, a route and rows of an app.
run=$RANDOM$RANDOM
first -v run="$run" >build/dump_restore.made <<'SQL'
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS dumped CASCADE;
DROP ROLE IF EXISTS dumped_owner;
CREATE ROLE dumped_owner IN ROLE factory_operator;
CREATE SCHEMA dumped AUTHORIZATION dumped_owner;
GRANT USAGE ON SCHEMA dumped TO factory_app;
SELECT access_token AS eve, refresh_token AS eve_refresh FROM factory.register('eve' || :'run' || '@example.com', 'a quite long phrase', 'Eve "€" \') \gset
SELECT access_token AS fay FROM factory.register('fay' || :'run' || '@example.com', 'a quite long phrase', 'Fay') \gset
BEGIN;
SELECT factory.sign_in(:'eve') AS ignored \gset
SELECT id AS e FROM factory.create_tenant('Eve''s') \gset
COMMIT;
BEGIN;
SELECT factory.sign_in(:'fay') AS ignored \gset
SELECT id AS f FROM factory.create_tenant('Fay''s') \gset
COMMIT;
BEGIN;
SELECT factory.sign_in(:'eve', :'e') AS ignored \gset
SELECT token AS ignored FROM factory.create_invitation('gil' || :'run' || '@example.com', 'staff') \gset
SELECT id AS ignored FROM factory.secret_put('dumped.key', 'sealed and dumped') \gset
SELECT factory.quota_reserve('records', 7, 86400) AS ignored \gset
SELECT id AS ignored FROM factory.create_webhook('https://example.com/dumped', '{*}') \gset
COMMIT;
SELECT factory.set_plan('dumped', 'Dumped', 15) AS ignored \gset
SELECT factory.set_plan_limit('dumped', 'records', 70) AS ignored \gset
SELECT factory.set_plan_limit('free', 'records', 7000) AS ignored \gset
SELECT factory.set_tenant_plan(:'f', 'dumped') AS ignored \gset
SELECT id AS ignored FROM factory.platform_secret_put('dumped', 'sealed and dumped') \gset
SELECT factory.outbound_allow('192.0.2.0/24', 8443), factory.mail_template_set('dumped', 'en', 'Dumped', 'and restored');
INSERT INTO factory.idempotency_keys VALUES (:'e', gen_random_uuid(), '\x01', '\x02', '\x00ff', now(), now() + '1 day');
SELECT factory.set_platform_rate_policy('dumped', 'tenant', 9, 9, 60, plan => 'dumped') AS ignored \gset
SELECT factory.set_platform_rate_policy('api', 'tenant_user', 90000, 90000, 60, tenant => :'e') AS ignored \gset
INSERT INTO factory.rate_blocks VALUES (:'e', gen_random_uuid(), now(), 'api', 'tenant_user', 'eve', 2, now(), '192.0.2.1');
INSERT INTO factory.platform_rate_blocks VALUES (gen_random_uuid(), now(), 'login', 'ip', '192.0.2.1', 2, now(), '192.0.2.1');
INSERT INTO factory.account_lockouts VALUES ('nobody-' || :'run', now(), now(), 10);
INSERT INTO factory.user_idempotency_keys VALUES (gen_random_uuid(), '\x01', '\x02', '\x00ff', now(), now() + '1 day');
SET SESSION AUTHORIZATION dumped_owner;
CREATE TABLE dumped."odd ""table" (tenant_id uuid NOT NULL, id int, body text, PRIMARY KEY (tenant_id, id)) PARTITION BY RANGE (id);
CREATE TABLE dumped.low PARTITION OF dumped."odd ""table" FOR VALUES FROM (0) TO (50);
CREATE TABLE dumped.high PARTITION OF dumped."odd ""table" DEFAULT;
CREATE TABLE dumped.lines (tenant_id uuid NOT NULL, id int, odd int, PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, odd) REFERENCES dumped."odd ""table" ON DELETE CASCADE);
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA dumped TO factory_app;
SELECT factory.protect('dumped."odd ""table"', write => 'members.manage');
SELECT factory.protect('dumped.lines');
ALTER TABLE dumped.lines ADD COLUMN note text;
CREATE FUNCTION dumped.total() RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS 'SELECT count(*) FROM dumped.lines';
SELECT factory.route_add('dumped.total()', 'GET', '/v1/app/total', 'How many');
RESET SESSION AUTHORIZATION;
INSERT INTO dumped."odd ""table" SELECT t, n, repeat('é', n) FROM unnest(ARRAY[:'e', :'f']::uuid[]) t, generate_series(1, 100) n;
INSERT INTO dumped.lines SELECT t, n, n FROM unnest(ARRAY[:'e', :'f']::uuid[]) t, generate_series(1, 30) n;
INSERT INTO factory.audit_policies VALUES (:'e', 90, true);
INSERT INTO factory.health_components VALUES ('dumped', 'green', 'it is well', NULL, now());
INSERT INTO factory.safe_mode_reasons VALUES ('dumped', 'moving house', 'dba');
INSERT INTO factory.job_pauses VALUES ('expire_sessions', 'moving house', 'dba');
ALTER ROLE factory_backup LOGIN PASSWORD 'backup';
\echo eve=:eve
\echo e=:e
\echo refresh=:eve_refresh
SQL
eval "$(grep -E '^(eve|e|refresh)=' build/dump_restore.made)"

PGPASSWORD=backup "$bin/pg_dump" -h "$SOCKET_DIR" -U factory_backup -d platform -f build/dump_restore.sql ||
  fail 'factory_backup could not dump'

# The second cluster has the same keys and logins, and an empty database.
install -d "$second"
cp -p "$place/secrets" "$place/credentials" "$second/"
FACTORY_PLACE=$second control/platform server >build/dump_restore.log 2>&1 || fail "$(cat build/dump_restore.log)"
psql -X -q -v ON_ERROR_STOP=1 "$(other_url "${ADMIN_URL/\/platform\?//postgres?}")" -c 'DROP DATABASE platform WITH (FORCE)' \
  -c 'CREATE DATABASE platform' -c 'CREATE ROLE dumped_owner IN ROLE factory_operator'
restored -f build/dump_restore.sql >/dev/null
FACTORY_PLACE=$second control/platform server >build/dump_restore.log 2>&1 || fail "$(cat build/dump_restore.log)"

# contents: count and checksum of each table. shape: what guards them.
cat >build/dump_restore.contents.sql <<'SQL'
SET search_path = pg_catalog;
SELECT format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM ONLY %s t', c.oid::regclass, c.oid::regclass)
FROM pg_class c WHERE c.relnamespace IN ('factory'::regnamespace, 'dumped'::regnamespace) AND c.relkind = 'r'
AND c.oid <> 'factory.homes'::regclass ORDER BY c.oid::regclass::text COLLATE "C" \gexec
SQL
cat >build/dump_restore.shape.sql <<'SQL'
SET search_path = pg_catalog;
SELECT * FROM (
  SELECT 'relation', c.oid::regclass::text, concat_ws(' ', c.relowner::regrole, c.relrowsecurity, c.relforcerowsecurity,
         (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(c.relacl) a)) FROM pg_class c
  WHERE c.relnamespace IN ('factory'::regnamespace, 'dumped'::regnamespace) AND c.relkind IN ('r', 'p', 'v')
  UNION ALL
  SELECT 'policy', p.polrelid::regclass || ' ' || p.polname, concat_ws(' ', p.polcmd, p.polpermissive, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) FROM pg_policy p
  UNION ALL
  SELECT 'trigger', t.tgrelid::regclass || ' ' || t.tgname, concat_ws(' ', t.tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger t WHERE NOT t.tgisinternal
  UNION ALL
  SELECT 'function', p.oid::regprocedure::text, concat_ws(' ', p.proowner::regrole, p.prosecdef, p.proconfig, (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(p.proacl) a))
  FROM pg_proc p WHERE p.pronamespace IN ('factory'::regnamespace, 'dumped'::regnamespace)
  UNION ALL
  SELECT 'constraint', c.conrelid::regclass || ' ' || c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint c
  WHERE c.connamespace IN ('factory'::regnamespace, 'dumped'::regnamespace)
) AS shape(kind, name, facts) ORDER BY kind, name COLLATE "C", facts;
SQL
for part in contents shape; do
  first -f "build/dump_restore.$part.sql" >"build/dump_restore.$part.first"
  restored -f "build/dump_restore.$part.sql" >"build/dump_restore.$part.second"
  [ "$(wc -l <"build/dump_restore.$part.first")" -gt 15 ] || fail "the comparison of the $part saw too little"
  diff "build/dump_restore.$part.first" "build/dump_restore.$part.second" || fail "the $part differ"
done
for platform in first restored; do
  $platform -c "DELETE FROM factory.safe_mode_reasons WHERE cause = 'dumped'"
done
# Months to come have no events yet.
empty=$(awk -F'|' '$2 == 0 && $1 !~ /audit_events_[0-9]/ { print $1 }' build/dump_restore.contents.first)
[ -z "$empty" ] || fail "nothing was tested with $empty"

# The background worker, whose database went and came again, has found it.
for _ in $(seq 50); do
  worker=$(restored -c 'SELECT worker FROM factory.evidence_status()')
  [ -z "$worker" ] || break
  sleep 0.2
done
[ -n "$worker" ] || fail 'no background worker serves the restored platform'

# What was to be acknowledged before still is; what the restore did is no finding but that it was one.
findings=$(restored -c "SELECT rule, object FROM factory.lint() ORDER BY 1, 2")
[ "$findings" = $'table_altered|dumped.lines\ntable_restored|dumped."odd ""table"\ntable_restored|dumped.lines' ] ||
  fail "lint finds in the restored platform: $findings"
acknowledged=$(restored -c "SELECT p.relation, c.changed_by, c.command FROM factory.protected_tables p, factory.acknowledge_changes(p.relation) c")
[ "$acknowledged" = 'dumped.lines|dumped_owner|ALTER TABLE' ] || fail "acknowledged: $acknowledged"
findings=$(restored -c "SELECT severity, rule, object FROM factory.lint()")
[ -z "$findings" ] || fail "lint finds in the restored platform: $findings"
findings=$(restored -c 'ALTER TABLE dumped.low ADD CHECK (id < 50)' -c "SELECT rule, object FROM factory.lint()")
[ "$findings" = 'table_altered|dumped."odd ""table"' ] || fail "lint does not watch the restored tables: $findings"

# Under the same key secrets open as before: the app's own, the webhook's, and the mail of the invitation.
opened=$(restored -c "SELECT v.secrets, v.unreadable FROM factory.verify_secrets('$e') v UNION ALL SELECT 1, w.unreadable FROM factory.verify_secrets() w")
[ "$opened" = $'3|0\n1|0' ] || fail "secrets in the restored platform: $opened"

# Until it is adopted nobody signs in with what came along, and reading is as before.
[ "$(restored -c 'SELECT count(*), count(DISTINCT system_identifier) FROM factory.homes')" = '2|2' ] || fail 'the dump did not bring its home'
as_app() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 -v VERBOSITY=verbose "$(other_url "$APP_URL")" "$@" 2>&1
}
# refused CODE SQL
refused() {
  local said
  said=$(as_app -c "$2") && fail "a restored platform answers: $2"
  [[ $said == *"\"code\":\"$1\""* && ($1 != safe_mode || $said == *'factory.adopt()'*) ]] || fail "instead of $1 the restored platform says: $said"
}
refused safe_mode "SELECT factory.sign_in('$eve', '$e')"
refused safe_mode "SELECT access_token FROM factory.refresh('$refresh')"
refused safe_mode "SELECT access_token FROM factory.login('eve$run@example.com', 'a quite long phrase')"
[ "$(restored -c 'SELECT count(*) FROM dumped.lines')" = 60 ] || fail 'an operator does not read'
as_app -c 'SELECT * FROM factory.adopt()' >/dev/null && fail 'an app adopts'
adoptions() {
  restored -c "SELECT count(*) FROM factory.platform_events WHERE action = 'platform.adopted'"
}
adopted_before=$(adoptions)
adopted=$(restored -c 'SELECT sessions > 0, refresh_tokens > 0, invitations > 0 FROM factory.adopt()')
[ "$adopted" = 't|t|t' ] || fail "adopted: $adopted"
[ "$(adoptions)" = $((adopted_before + 1)) ] || fail 'the adoption is not in the log'
refused session_ended "SELECT factory.sign_in('$eve', '$e')"
refused invalid_refresh_token "SELECT access_token FROM factory.refresh('$refresh')"
psql -X -q -v ON_ERROR_STOP=1 "$APP_URL" -c BEGIN -c "SELECT factory.sign_in('$eve', '$e')" -c COMMIT >/dev/null || fail 'the first platform lost its sessions'

# The wall stands, the password still works and tokens of before do not, and the next change is written down.
said=$(psql -X -q -A -t -v ON_ERROR_STOP=1 -v e="$e" -v run="$run" "$(other_url "$APP_URL")" <<'SQL'
SELECT count(*) FROM dumped.lines;
SELECT access_token AS eve, "user"->>'email' = 'eve' || :'run' || '@example.com' AS is_eve FROM factory.login('eve' || :'run' || '@example.com', 'a quite long phrase') \gset
\echo :is_eve
BEGIN;
SELECT factory.sign_in(:'eve', :'e') = :'e';
SELECT count(*), count(DISTINCT tenant_id) FROM dumped.lines;
UPDATE dumped.lines SET odd = 2 WHERE id = 1;
SELECT before, after FROM factory.audit WHERE action = 'lines.updated';
SELECT status FROM factory.sent_invitations WHERE email = 'gil' || :'run' || '@example.com';
COMMIT;
SQL
)
[ "$said" = $'0\nt\nt\n30|1\n{"odd": 1}|{"odd": 2}\ncancelled' ] || fail "the restored platform answers: $said"
