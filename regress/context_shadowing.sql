-- An app's schema on the search path: its operators, functions, types and tables take the place of nothing that the platform
-- means, and never run with the platform's rights.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
SET SESSION AUTHORIZATION wall_owner;
CREATE FUNCTION wall.report(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF current_user LIKE 'factory_%' AND current_user <> 'factory_app' THEN RAISE NOTICE '% runs as %', what, current_user; END IF;
END
$$;
CREATE FUNCTION wall.spy(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM wall.report('uuid ='); RETURN true; END $$;
CREATE FUNCTION wall.spy(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM wall.report('text ='); RETURN true; END $$;
CREATE FUNCTION wall.spy(bytea, bytea) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM wall.report('bytea ='); RETURN true; END $$;
CREATE FUNCTION wall.spy(regclass, regclass) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM wall.report('regclass ='); RETURN true; END $$;
CREATE FUNCTION wall.spy(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM wall.report('oid ='); RETURN true; END $$;
CREATE FUNCTION wall.spy(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM wall.report('timestamptz >'); RETURN true; END $$;
CREATE OPERATOR wall.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = wall.spy);
CREATE OPERATOR wall.= (LEFTARG = text, RIGHTARG = text, FUNCTION = wall.spy);
CREATE OPERATOR wall.= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = wall.spy);
CREATE OPERATOR wall.= (LEFTARG = regclass, RIGHTARG = regclass, FUNCTION = wall.spy);
CREATE OPERATOR wall.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = wall.spy);
CREATE OPERATOR wall.> (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = wall.spy);
CREATE FUNCTION wall.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM wall.report('now'); RETURN 'epoch'; END $$;
CREATE FUNCTION wall.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM wall.report('clock_timestamp'); RETURN 'epoch'; END $$;
CREATE FUNCTION wall.count_step(bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM wall.report('count'); RETURN 0; END $$;
CREATE AGGREGATE wall.count(*) (SFUNC = wall.count_step, STYPE = bigint, INITCOND = '0');
CREATE FUNCTION wall.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM wall.report('format'); RETURN 'x'; END $$;
CREATE DOMAIN wall.uuid AS text;
CREATE DOMAIN wall.text AS pg_catalog.text CHECK (wall.report('domain') IS NULL);
CREATE TABLE wall.memberships (tenant_id pg_catalog.uuid, user_id pg_catalog.uuid, role pg_catalog.text);
CREATE TABLE wall.sessions (LIKE wall.memberships);
GRANT ALL ON wall.memberships, wall.sessions TO PUBLIC;

-- As the app's owner: a table that is dropped was asked for in the registry.
SET search_path = wall, pg_catalog;
CREATE TABLE wall.scratch (n integer);
DROP TABLE wall.scratch;
CREATE TABLE wall.guarded (n integer, tenant_id pg_catalog.uuid);
SELECT factory.protect('wall.guarded');
DROP TABLE wall.guarded;
RESET SESSION AUTHORIZATION;
SELECT pg_catalog.count(*) FROM factory.table_registry WHERE NOT shipped AND relation::pg_catalog.text NOT LIKE 'wall.%' AND relation::pg_catalog.text ~ '^[0-9]+$';

-- As the runtime login, with a session-long context that is looked at in each transaction.
\c - app_login
SELECT factory.sign_in(:'ben', :'a', true) OPERATOR(pg_catalog.=) :'a' AS signed_in;
SET search_path = wall, pg_catalog;
SELECT title FROM wall.notes ORDER BY id;
BEGIN;
LOCK TABLE wall.notes;
ROLLBACK;
COPY wall.notes FROM STDIN;
\.
SELECT factory.can('workspace.view'), factory.role_name();
SELECT factory.require('workspace.view');
SELECT name, role FROM factory.list_members() ORDER BY name;
SELECT name FROM factory.get_tenant();
SELECT role FROM factory.get_member(:'ben_id');
SELECT name, slug ~ '^workspace-b' AS slug FROM factory.list_tenants() WHERE id OPERATOR(pg_catalog.=) :'b'::pg_catalog.uuid;
SELECT "user"->>'name' FROM factory.me();
SELECT factory.update_member(:'ben_id', 'owner');
INSERT INTO wall.notes (id, title) VALUES (9, 'viewer');
SELECT factory.sign_out();
SELECT factory.sign_in(:'ann', :'a', true) OPERATOR(pg_catalog.=) :'a' AS signed_in;
SELECT role FROM factory.update_member(:'ben_id', 'staff');
SELECT role FROM factory.create_invitation('somebody@example.com', 'viewer');
SELECT role, status FROM factory.list_invitations() ORDER BY created_at DESC LIMIT 1;
UPDATE wall.notes SET title = 'A 1' WHERE id = 1;
SELECT action FROM factory.audit_logs(4, outcome => 'success') ORDER BY id;
SELECT access_token IS NOT NULL AS logged_in FROM factory.login('ann-' || :'run' || '@example.com', 'a quite long phrase');
SELECT factory.logout();
SELECT factory.sign_in(:'ann', :'a');
-- The other workspace does not appear, whatever = means.
SELECT factory.sign_out();
SELECT factory.sign_in(:'ann', :'b');
SELECT pg_catalog.count(*) FROM wall.notes;

-- A policy means the operator that it was made with.
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ben', :'b') = :'b' AS signed_in;
SET LOCAL search_path = wall, pg_catalog;
SELECT title FROM wall.notes WHERE tenant_id = tenant_id;
COMMIT;

\c - postgres
\i :leave
