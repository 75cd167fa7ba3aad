-- Sign-ins that are refused leave things as they were, and one transaction never sees two workspaces.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\c - app_login

-- What is no token, no session, no membership.
SELECT factory.sign_in(NULL);
SELECT factory.sign_in('');
SELECT factory.sign_in('no.such.token', :'a');
SELECT factory.sign_in(:'ann' || 'x', :'a');
SELECT factory.sign_in(repeat('a', 1000000), :'a');
SELECT factory.sign_in(:'ann', NULL, NULL);
SELECT factory.sign_in(:'ann', :'b');
SELECT factory.sign_in(:'ann', '00000000-0000-7000-8000-000000000000');
\set VERBOSITY terse
SELECT factory.sign_in(:'ben');
\set VERBOSITY default
SELECT factory.tenant_id();
SELECT factory.require('records.write');
SELECT factory.require('no.such');
SELECT factory.require(NULL);
SELECT factory.require_found(true), factory.require_found(NULL);
SELECT factory.require_found(false);

-- A refused sign-in leaves the former context standing.
BEGIN;
SELECT factory.sign_in(:'ann', :'a') = :'a' AS signed_in;
SAVEPOINT s;
SELECT factory.sign_in('no.such.token', :'a');
ROLLBACK TO s;
SELECT factory.role_name(), (SELECT count(*) FROM wall.notes) AS rows;
COMMIT;

-- Two workspaces in one transaction: not by a second sign-in, nor after a savepoint, nor after a caught error.
BEGIN;
SELECT factory.sign_in(:'ben', :'a') = :'a' AS signed_in;
SELECT factory.sign_in(:'ben', :'b');
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT factory.sign_in(:'ben', :'a') = :'a' AS signed_in;
ROLLBACK TO s;
SELECT factory.tenant_id(), (SELECT count(*) FROM wall.notes) AS rows;
SELECT factory.sign_in(:'ben', :'b');
ROLLBACK;
SELECT set_config('wall.ben', :'ben', false) IS NOT NULL AS told, set_config('wall.a', :'a', false) IS NOT NULL AS told,
       set_config('wall.b', :'b', false) IS NOT NULL AS told;
BEGIN;
DO $$
BEGIN
  BEGIN
    PERFORM factory.sign_in(current_setting('wall.ben'), current_setting('wall.a')::uuid);
    RAISE NOTICE 'inside: % rows', (SELECT count(*) FROM wall.notes);
    RAISE EXCEPTION 'undo';
  EXCEPTION WHEN raise_exception THEN
    RAISE NOTICE 'after: tenant %, % rows', factory.tenant_id(), (SELECT count(*) FROM wall.notes);
  END;
  PERFORM factory.sign_in(current_setting('wall.ben'), current_setting('wall.b')::uuid);
END
$$;
ROLLBACK;

-- Session-long in one workspace, then for the transaction in the other.
SELECT factory.sign_in(:'ben', :'b', true) = :'b' AS signed_in;
SELECT factory.sign_in(:'ben', :'a');
BEGIN;
RESET ALL;
SELECT factory.tenant_id(), (SELECT count(*) FROM wall.notes) AS rows;
SELECT factory.sign_in(:'ben', :'a');
ROLLBACK;
SELECT title FROM wall.notes;
BEGIN;
SAVEPOINT s;
SELECT factory.sign_out();
ROLLBACK TO s;
-- What the savepoint brought back is not used: signing out is final.
SELECT factory.tenant_id(), (SELECT count(*) FROM wall.notes) AS rows;
SELECT factory.sign_in(:'ben', :'a');
COMMIT;
SELECT factory.sign_out();

-- Nor where an expression of PL/pgSQL, which is no statement of its own, follows a caught error.
BEGIN;
SELECT factory.sign_in(:'ben', :'a') = :'a' AS signed_in;
DO $$
DECLARE
  here uuid;
BEGIN
  here := factory.tenant_id();
  RAISE NOTICE 'signed in: %', here IS NOT NULL;
  BEGIN
    PERFORM factory.sign_out();
    RAISE EXCEPTION 'undo';
  EXCEPTION WHEN raise_exception THEN
    NULL;
  END;
  here := factory.tenant_id();
  RAISE NOTICE 'signed in: %', here IS NOT NULL;
END
$$;
ROLLBACK;

-- DO and CALL may commit on their way: no sign-in inside, and none of them under a session-long context.
DO $$ BEGIN PERFORM factory.sign_in(current_setting('wall.ben'), current_setting('wall.a')::uuid); END $$;
DO $$
DECLARE
  note record;
BEGIN
  FOR note IN SELECT * FROM wall.notes LOOP
    COMMIT;
    PERFORM factory.sign_in(current_setting('wall.ben'), current_setting('wall.b')::uuid);
  END LOOP;
  COMMIT;
  PERFORM factory.sign_in(current_setting('wall.ben'), current_setting('wall.b')::uuid);
END
$$;
\c - postgres
SET SESSION AUTHORIZATION wall_owner;
CREATE PROCEDURE wall.carry(token text, tenant uuid) LANGUAGE plpgsql AS $$ BEGIN COMMIT; PERFORM factory.sign_in(token, tenant); END $$;
CREATE FUNCTION wall.enter(token text, tenant uuid) RETURNS uuid LANGUAGE sql AS 'SELECT factory.sign_in(token, tenant)';
\c - app_login
CALL wall.carry(:'ben', :'a');
BEGIN;
CALL wall.carry(:'ben', :'a');
ROLLBACK;
SELECT factory.sign_in(:'ben', :'b', true) = :'b' AS signed_in;
DO $$ BEGIN NULL; END $$;
CALL wall.carry(:'ben', :'b');
BEGIN;
DO $$ BEGIN RAISE NOTICE '% rows', (SELECT count(*) FROM wall.notes); END $$;
DO $$ BEGIN COMMIT; END $$;
ROLLBACK;
-- Several statements sent as one are one transaction.
SELECT factory.sign_out() \; DO $$ BEGIN COMMIT; END $$;
SELECT factory.sign_out();

-- An error at any step of a sign-in leaves no moment in which a value would be accepted, even from somebody who has the
-- privilege to set the setting.
\c - postgres
GRANT SET ON PARAMETER factory.context TO app_login;
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ann', :'a') = :'a' AS signed_in;
SELECT current_setting('factory.context') AS stolen \gset
COMMIT;
BEGIN;
SELECT factory.sign_in('no.such.token');
ROLLBACK;
SELECT set_config('factory.context', :'stolen', false);
BEGIN;
SET LOCAL row_security = off;
SELECT factory.sign_in(:'ann', :'a') = :'a' AS signed_in;
SELECT count(*) FROM factory.members;
ROLLBACK;
SELECT set_config('factory.context', :'stolen', false);
BEGIN;
SELECT factory.sign_in(:'ann', :'a') = :'a' AS signed_in;
SAVEPOINT s;
SELECT factory.sign_in(:'ben', :'b');
ROLLBACK TO s;
SELECT set_config('factory.context', :'stolen', true);
ROLLBACK;
-- In a parallel operation no setting can be changed: the server stops the sign-in half way.
\c - postgres
SET SESSION AUTHORIZATION wall_owner;
CREATE FUNCTION wall.sneak(token text, tenant uuid) RETURNS uuid LANGUAGE plpgsql PARALLEL SAFE
  AS 'BEGIN RETURN factory.sign_in(token, tenant); END';
CREATE TABLE wall.many AS SELECT n FROM generate_series(1, 20000) n;
GRANT SELECT ON wall.many TO factory_app;
\c - app_login
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
\set VERBOSITY terse
BEGIN;
SELECT count(wall.sneak(:'ann', :'a')) FROM wall.many WHERE n > 0;
ROLLBACK;
SELECT set_config('factory.context', :'stolen', false);
\set VERBOSITY default
SELECT factory.tenant_id(), (SELECT count(*) FROM wall.notes) AS rows;

\c - postgres
REVOKE SET ON PARAMETER factory.context FROM app_login;
\c - app_login

-- A sign-in works in read-only transactions and under every isolation level.
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT factory.sign_in(:'ann', :'a') = :'a' AS signed_in;
SELECT count(*) FROM wall.notes;
INSERT INTO wall.notes (id, title) VALUES (9, 'read only');
ROLLBACK;
-- Inside an app's function with settings of its own it lasts beyond the function, for the transaction.
BEGIN;
SELECT wall.enter(:'ann', :'a') = :'a' AS signed_in;
SELECT count(*) FROM wall.notes;
COMMIT;
SELECT count(*) FROM wall.notes;

\c - postgres
\i :leave
