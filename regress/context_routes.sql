-- An app's own calls: whatever their functions, their arguments' types and their defaults try, they run as factory_app, leave
-- nothing behind in the edge's connection, and a reading call writes nothing.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
SET SESSION AUTHORIZATION wall_owner;
CREATE TABLE wall.log (text text);
GRANT ALL ON wall.log TO PUBLIC;
CREATE SEQUENCE wall.serial;
GRANT ALL ON SEQUENCE wall.serial TO PUBLIC;
-- Tries one statement and says what became of it.
CREATE FUNCTION wall.attempt(sql text) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE sql;
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE FUNCTION wall.who() RETURNS text LANGUAGE sql SET search_path = pg_catalog, pg_temp
  RETURN current_user || ' ' || session_user || ' ' || coalesce(factory.role_name(), '-');
CREATE FUNCTION wall.definer() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  RETURN wall.attempt('PREPARE serve AS SELECT 1') || ', ' || current_user;
CREATE FUNCTION wall.report(value text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE 'a domain''s check runs as %', current_user;
  RETURN true;
END
$$;
CREATE DOMAIN wall.name AS text CHECK (wall.report(VALUE));
CREATE FUNCTION wall.tell() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'a default runs as %', current_user; RETURN 'x'; END $$;
CREATE FUNCTION wall.greet(name wall.name, told text DEFAULT wall.tell()) RETURNS text LANGUAGE sql SET search_path = pg_catalog, pg_temp
  RETURN 'hello ' || name;
CREATE FUNCTION wall.read(how text) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF how = 'reset' THEN RESET transaction_read_only;
  ELSIF how = 'set_config' THEN PERFORM set_config('transaction_read_only', NULL, true);
  ELSIF how = 'default' THEN SET transaction_read_only TO DEFAULT;
  ELSIF how = 'set' THEN SET transaction_read_only = off;
  ELSIF how = 'transaction' THEN SET TRANSACTION READ WRITE;
  ELSIF how = 'sequence' THEN PERFORM nextval('wall.serial');
  ELSIF how = 'lock' THEN LOCK TABLE wall.log IN EXCLUSIVE MODE;
  ELSIF how = 'create' THEN RESET transaction_read_only; CREATE TABLE wall.made (n integer);
  END IF;
  INSERT INTO wall.log VALUES (how);
  RETURN 'wrote';
END
$$;
CREATE FUNCTION wall.fail(text text) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO wall.log VALUES (text);
  RAISE EXCEPTION 'on purpose' USING ERRCODE = 'PT409';
END
$$;
CREATE FUNCTION wall.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'late as %', current_user; RETURN NULL; END $$;
CREATE TABLE wall.deferred (n integer);
GRANT ALL ON wall.deferred TO PUBLIC;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON wall.deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wall.late();
CREATE FUNCTION wall.postpone() RETURNS text LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  INSERT INTO wall.deferred VALUES (1);
  SELECT 'postponed';
END;
-- Makes the platform load its declarations anew in the middle of a call.
CREATE FUNCTION wall.other() RETURNS integer LANGUAGE sql RETURN 1;
CREATE FUNCTION wall.change() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  FOR i IN 1..5 LOOP
    EXECUTE 'CREATE OR REPLACE FUNCTION wall.other() RETURNS integer LANGUAGE plpgsql AS ''BEGIN RETURN 2; END''';
    PERFORM wall.other(), factory.uuid7();
  END LOOP;
  RETURN 'changed';
END
$$;
SELECT factory.route_add('wall.attempt(text)', 'POST', '/v1/app/attempt', 'Attempt', requires => 'workspace.view');
SELECT factory.route_add('wall.who()', 'POST', '/v1/app/who', 'Who', requires => 'workspace.view');
SELECT factory.route_add('wall.definer()', 'POST', '/v1/app/definer', 'Definer', requires => 'workspace.view');
SELECT factory.route_add('wall.greet(wall.name, text)', 'POST', '/v1/app/greet', 'Greet', requires => 'anyone', scope => 'global');
SELECT factory.route_add('wall.read(text)', 'GET', '/v1/app/read/{how}', 'Read', requires => 'anyone', scope => 'global');
SELECT factory.route_add('wall.fail(text)', 'POST', '/v1/app/fail', 'Fail', requires => 'records.write');
SELECT factory.route_add('wall.postpone()', 'POST', '/v1/app/postpone', 'Postpone', requires => 'anyone', scope => 'global');
SELECT factory.route_add('wall.change()', 'POST', '/v1/app/change', 'Change', requires => 'anyone', scope => 'global');

-- No call takes the place of the platform's own.
SELECT factory.route_add('wall.who()', 'GET', '/v1/tenant', 'Mine');
SELECT factory.route_add('wall.who()', 'GET', '/v1/app/../tenant', 'Mine');
SELECT factory.route_add('wall.who()', 'GET', '/v1/{app}/x', 'Mine');
SELECT factory.route_add('factory.get_tenant()', 'GET', '/v1/app/tenant', 'Mine');
SELECT factory.route_add('pg_catalog.pg_reload_conf()', 'POST', '/v1/app/reload', 'Mine');
SELECT factory.route_drop('factory.get_tenant()');

RESET SESSION AUTHORIZATION;
\c - factory_edge
\set as_cay '{"authorization": "Bearer ' :cay '", "content-type": "application/json"}'
\set result 'convert_from(body, \'UTF8\')::json->>\'result\''
\set call 'FROM factory.serve(:\'a\', \'POST\', \'/v1/app/attempt\', :\'as_cay\', convert_to(json_build_object(\'sql\', :\'sql\'::text)::text, \'UTF8\'), \'192.0.2.1\');'
\set try 'SELECT status, ' :result ' AS result ' :call
-- For refusals that servers word differently.
\set try_state 'SELECT status, left(' :result ', 5) AS sqlstate ' :call
SELECT status, convert_from(body, 'UTF8') AS body FROM factory.serve(:'a', 'POST', '/v1/app/who', :'as_cay', '', '192.0.2.1');
SELECT status, convert_from(body, 'UTF8') AS body FROM factory.serve(:'a', 'POST', '/v1/app/definer', :'as_cay', '', '192.0.2.1');

\set sql 'PREPARE serve AS SELECT 1'
:try
\set sql 'DEALLOCATE ALL'
:try
\set sql 'SET ROLE factory_edge'
:try
\set sql 'RESET ROLE'
:try
\set sql 'SET SESSION AUTHORIZATION factory_owner'
:try
\set sql 'RESET SESSION AUTHORIZATION'
:try
\set sql 'SELECT set_config(\'role\', \'factory_owner\', false)'
:try
\set sql 'DISCARD ALL'
:try
\set sql 'LISTEN mine'
:try
\set sql 'DECLARE held CURSOR WITH HOLD FOR SELECT 1'
:try
\set sql 'DECLARE open CURSOR FOR SELECT 1'
:try
\set sql 'CREATE TEMP TABLE loot (n integer)'
:try
\set sql 'COMMIT'
:try
\set sql 'SET statement_timeout = 1'
:try
\set sql 'SET search_path = wall, pg_catalog'
:try
\set sql 'SELECT set_config(\'application_name\', \'mine\', false), set_config(\'wall.loot\', \'A one\', false)'
:try
\set sql 'SET factory.context = \'\''
:try
\set sql 'SELECT pg_advisory_lock(4711), pg_advisory_lock_shared(4712)'
:try
\set sql 'SELECT factory.sign_out()'
:try
\set sql 'SELECT factory.serve(NULL, NULL, NULL, NULL, NULL, NULL)'
:try
\set sql 'SELECT factory.serve_global(NULL, NULL, NULL, NULL, NULL)'
:try
\set sql 'SELECT * FROM factory.credentials'
:try
\set sql 'SELECT pg_terminate_backend(pg_backend_pid())'
:try_state
\set sql 'ALTER ROLE factory_edge SET search_path = wall'
:try_state
\set sql 'INSERT INTO wall.notes (id, tenant_id, title) SELECT 9, factory.uuid7(), \'elsewhere\''
:try
\set sql 'ALTER TABLE wall.notes DISABLE ROW LEVEL SECURITY'
:try
-- After all that the connection is as it was.
SELECT current_user, session_user, current_setting('search_path') AS path, current_setting('statement_timeout') AS timeout,
       current_setting('application_name') AS application, current_setting('wall.loot', true) AS loot, current_setting('factory.context') AS context;
SELECT count(*) AS prepared FROM pg_prepared_statements;
SELECT count(*) AS cursors FROM pg_cursors WHERE name IN ('open', 'held');
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT count(*) AS channels FROM pg_listening_channels();
-- Another's token in the arguments opens no second workspace.
SELECT quote_literal(:'ben') || ', ' || quote_literal(:'b') AS quoted \gset
\set sql 'SELECT factory.sign_in(' :quoted ')'
:try

-- Types and defaults of the app run as factory_app, too.
SELECT status, convert_from(body, 'UTF8') AS body FROM factory.serve_global('POST', '/v1/app/greet', '{"content-type": "application/json"}', '{"name": "Ann"}', '192.0.2.1');

-- A reading call that writes is refused, and has no effect.
SELECT how, s.status, convert_from(s.body, 'UTF8')::json->>'code' AS code
FROM unnest('{plain,set,transaction,sequence,lock}'::text[]) how,
     factory.serve_global('GET', '/v1/app/read/' || how, '{}', '', '192.0.2.1') s;
-- RESET goes past the server up to 15, and the write after it is refused; from 16 on the server refuses the RESET.
SELECT how, convert_from(s.body, 'UTF8')::json->>'code' =
       CASE WHEN current_setting('server_version_num')::integer < 160000 THEN 'read_only' ELSE 'internal' END AS refused
FROM unnest('{reset,set_config,default,create}'::text[]) how,
     factory.serve_global('GET', '/v1/app/read/' || how, '{}', '', '192.0.2.1') s;
SELECT s.status, length(s.body) FROM factory.serve_global('HEAD', '/v1/app/read/plain', '{}', '', '192.0.2.1') s;
SELECT status, convert_from(body, 'UTF8')::json->>'code' AS code FROM factory.serve_global('POST', '/v1/app/read/plain', '{}', '', '192.0.2.1');
SHOW transaction_read_only;

-- A failing call has no effect; what it leaves for the end of the transaction is done, or refused, before the answer.
SELECT status, convert_from(body, 'UTF8')::json->>'detail' AS detail
FROM factory.serve(:'a', 'POST', '/v1/app/fail', :'as_cay', '{"text": "failed"}', '192.0.2.1');
SELECT status, convert_from(body, 'UTF8') AS body FROM factory.serve_global('POST', '/v1/app/postpone', '{}', '', '192.0.2.1');
SELECT status, convert_from(body, 'UTF8') AS body FROM factory.serve_global('POST', '/v1/app/change', '{}', '', '192.0.2.1');
SELECT status, convert_from(body, 'UTF8') AS body FROM factory.serve_global('POST', '/v1/app/change', '{}', '', '192.0.2.1');

-- A type or schema that goes away under a declared function takes the one call with it, and nothing else.
\c - postgres
CREATE SCHEMA wall_b AUTHORIZATION wall_owner;
SET SESSION AUTHORIZATION wall_owner;
CREATE TYPE wall_b."odd (type)" AS (n integer);
CREATE FUNCTION wall_b."odd.(name)"(value wall_b."odd (type)") RETURNS text LANGUAGE sql SET search_path = pg_catalog, pg_temp
  RETURN 'n is ' || (value).n;
GRANT USAGE ON SCHEMA wall_b TO factory_app;
SELECT factory.route_add('wall_b."odd.(name)"(wall_b."odd (type)")', 'POST', '/v1/app/odd', 'Odd', requires => 'anyone', scope => 'global');
RESET SESSION AUTHORIZATION;
SELECT status, convert_from(body, 'UTF8') AS body FROM factory.serve_global('POST', '/v1/app/odd', '{}', '{"value": "(1)"}', '192.0.2.1');
ALTER TYPE wall_b."odd (type)" RENAME TO even;
\c - postgres
SELECT status FROM factory.serve_global('POST', '/v1/app/odd', '{}', '{"value": "(1)"}', '192.0.2.1');
SELECT status FROM factory.serve_global('GET', '/v1/permissions', '{}', '', '192.0.2.1');
DROP SCHEMA wall_b CASCADE;
\c - factory_edge
SELECT status FROM factory.serve_global('POST', '/v1/app/odd', '{}', '{"value": "(1)"}', '192.0.2.1');
SELECT status FROM factory.serve_global('GET', '/v1/permissions', '{}', '', '192.0.2.1');

-- A refusal by the gate leaves its evidence in the workspace's log, a stranger's knock does not.
\set as_ben '{"authorization": "Bearer ' :ben '", "content-type": "application/json"}'
\set as_ann '{"authorization": "Bearer ' :ann '"}'
SELECT status FROM factory.serve(:'a', 'POST', '/v1/app/fail', :'as_ben', '{"text": "denied"}', '192.0.2.1');
SELECT status FROM factory.serve(:'b', 'GET', '/v1/tenant', :'as_ann', '', '192.0.2.1');
\c - postgres
SELECT * FROM wall.log;
SELECT is_called FROM wall.serial;
SELECT to_regclass('wall.made');
SELECT action, outcome, actor_id = :'ben_id' AS by_ben, metadata->>'code' AS code FROM factory.audit_events WHERE tenant_id = :'a' AND outcome <> 'success';
SELECT count(*) FROM factory.audit_events WHERE tenant_id = :'b' AND outcome <> 'success';
SELECT outcome, target_type, target_id = :'b' AS about_b FROM factory.platform_events WHERE actor_id = :'ann_id' AND outcome <> 'success';
\i :leave
