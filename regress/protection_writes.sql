-- Without a context every write to a protected table is an error, whatever way leads to it, and TRUNCATE is not for apps.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\pset footer off
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET SESSION AUTHORIZATION wall_owner;
CREATE TABLE wall.events (tenant_id uuid NOT NULL DEFAULT factory.tenant_id(), day int, PRIMARY KEY (tenant_id, day)) PARTITION BY RANGE (day);
CREATE TABLE wall.events_1 PARTITION OF wall.events FOR VALUES FROM (0) TO (10);
CREATE TABLE wall.lines (tenant_id uuid NOT NULL DEFAULT factory.tenant_id(), id int, note int, PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, note) REFERENCES wall.notes ON DELETE CASCADE ON UPDATE CASCADE);
SELECT factory.protect('wall.events'), factory.protect('wall.lines');
CREATE VIEW wall.owners_view AS SELECT * FROM wall.notes;
CREATE VIEW wall.callers_view WITH (security_invoker) AS SELECT * FROM wall.notes;
CREATE FUNCTION wall.by_definer() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'UPDATE wall.notes SET title = title';
CREATE FUNCTION wall.truncated() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'TRUNCATE wall.lines';
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA wall TO factory_app;
RESET SESSION AUTHORIZATION;
GRANT TRUNCATE ON wall.lines TO factory_app;
SELECT access_token AS dan FROM factory.register('dan-' || :'run' || '@example.com', 'a quite long phrase', 'Dan') \gset

-- Nobody: every one of these is refused with the same problem, also where it would have met no row.
\c - app_login
\set VERBOSITY sqlstate
INSERT INTO wall.notes VALUES (9, :'a', 'smuggled');
UPDATE wall.notes SET title = 'taken';
UPDATE wall.notes SET title = 'taken' WHERE false;
DELETE FROM wall.notes;
DELETE FROM wall.notes WHERE tenant_id = :'a';
INSERT INTO wall.notes VALUES (1, :'a', 'x') ON CONFLICT DO NOTHING;
INSERT INTO wall.notes VALUES (1, :'a', 'x') ON CONFLICT (tenant_id, id) DO UPDATE SET title = 'x';
INSERT INTO wall.notes SELECT * FROM wall.notes;
MERGE INTO wall.notes n USING (VALUES (1)) v(id) ON n.id = v.id WHEN MATCHED THEN DELETE;
MERGE INTO wall.notes n USING (VALUES (1)) v(id) ON n.id = v.id WHEN MATCHED THEN UPDATE SET title = 'x' WHEN NOT MATCHED THEN DO NOTHING;
WITH gone AS (DELETE FROM wall.notes RETURNING *) SELECT count(*) FROM gone;
UPDATE wall.owners_view SET title = 'taken';
DELETE FROM wall.callers_view;
UPDATE wall.events SET day = 1;
DELETE FROM wall.events;
DELETE FROM wall.events_1;
UPDATE ONLY wall.events SET day = 2;
SELECT wall.by_definer();
DO $$ BEGIN UPDATE wall.notes SET title = 'taken'; END $$;
PREPARE taking AS UPDATE wall.notes SET title = 'taken';
EXECUTE taking;
EXPLAIN (ANALYZE, COSTS OFF) DELETE FROM wall.notes;
TRUNCATE wall.lines;
SELECT wall.truncated();
\set VERBOSITY default
-- What it says.
UPDATE wall.notes SET title = 'taken';
TRUNCATE wall.lines;
-- Somebody, in no workspace; then in one whose role may not write.
BEGIN;
SELECT factory.sign_in(:'dan') IS NULL;
DELETE FROM wall.notes;
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ben', :'a') = :'a';
UPDATE wall.notes SET title = 'taken' RETURNING 1;
ROLLBACK;
-- After signing out, and after the transaction of a context.
BEGIN;
SELECT factory.sign_in(:'cay', :'a') = :'a';
UPDATE wall.notes SET title = title RETURNING id;
INSERT INTO wall.events (day) VALUES (1);
UPDATE wall.events SET day = 2 RETURNING day;
DELETE FROM wall.events_1 RETURNING day;
INSERT INTO wall.lines (id, note) VALUES (1, 1), (2, 1);
-- Cascades run as the owner of the table, and stay in the workspace.
UPDATE wall.notes SET id = 7 WHERE id = 1;
SELECT note FROM wall.lines;
DELETE FROM wall.notes WHERE id = 7;
SELECT count(*) FROM wall.lines;
SAVEPOINT s;
SELECT wall.truncated();
ROLLBACK TO s;
SELECT factory.sign_out();
DELETE FROM wall.notes;
ROLLBACK;
UPDATE wall.notes SET title = 'taken';

-- The owner is bound like everybody.
\c - postgres
\set VERBOSITY sqlstate
SET SESSION AUTHORIZATION wall_owner;
UPDATE wall.notes SET title = 'taken';
DELETE FROM wall.events_1;
COPY wall.notes FROM STDIN;
\.
SET row_security = off;
DELETE FROM wall.notes;
RESET row_security;
-- Called by itself it refuses, and so does a trigger of another kind.
SELECT factory.guard_write();
BEGIN;
CREATE TRIGGER wrong AFTER UPDATE ON wall.events_1 FOR EACH STATEMENT EXECUTE FUNCTION factory.guard_write();
RESET SESSION AUTHORIZATION;
UPDATE wall.events_1 SET day = day;
ROLLBACK;
RESET SESSION AUTHORIZATION;
\set VERBOSITY default

-- Whom row security does not bind writes without a context, and its cascades too.
BEGIN;
INSERT INTO wall.notes VALUES (3, :'b', 'B three');
INSERT INTO wall.lines VALUES (:'b', 1, 3);
UPDATE wall.notes SET id = 4 WHERE title = 'B three';
SELECT note FROM wall.lines;
DELETE FROM wall.notes WHERE title = 'B three';
SELECT count(*) FROM wall.lines;
SELECT e.action, e.actor_id FROM factory.audit_events e WHERE e.tenant_id = :'b' AND e.target_type IN ('wall.notes', 'wall.lines') ORDER BY e.id DESC LIMIT 6;
ROLLBACK;
-- A session that plays a replica fires it all the same.
SET session_replication_role = replica;
SET ROLE wall_owner;
DELETE FROM wall.notes;
RESET ROLE;
RESET session_replication_role;

-- TRUNCATE by the owner or a superuser is an event, of each table that it empties; with a context it is refused to them too.
SET SESSION AUTHORIZATION wall_owner;
TRUNCATE wall.events;
RESET SESSION AUTHORIZATION;
SET client_min_messages = warning;
TRUNCATE wall.notes CASCADE;
SELECT actor_type, actor_id, target_type, target_id FROM factory.platform_events WHERE action = 'table.truncated' AND target_id LIKE 'wall.%' ORDER BY id DESC LIMIT 4;
BEGIN;
SELECT factory.sign_in(:'ann', :'a') = :'a';
TRUNCATE wall.lines;
ROLLBACK;
SELECT * FROM factory.lint() WHERE object LIKE 'wall.%' AND rule NOT LIKE 'view%' AND rule NOT LIKE 'privilege%';
\pset tuples_only off
\i :leave
