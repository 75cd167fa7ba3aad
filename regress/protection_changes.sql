-- Whoever alters a protected table leaves an event, and lint() shows it until an operator acknowledges it.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\pset footer off
\pset format unaligned
\pset fieldsep ' | '
SET client_min_messages = warning;
CREATE SCHEMA watch;
GRANT USAGE ON SCHEMA watch TO wall_owner;
-- What was recorded since it was looked at last, by kind of command; looking acknowledges.
CREATE FUNCTION watch.seen(OUT changes text) LANGUAGE plpgsql AS $$
BEGIN
  SELECT string_agg(format('%s: %s by %s', p.relation, c.command, c.changed_by), E'\n' ORDER BY p.relation::text, c.changed_at, c.command) INTO changes
  FROM factory.protected_tables p CROSS JOIN LATERAL factory.acknowledge_changes(p.relation) c WHERE p.relation::text LIKE 'wall.%';
END $$;

-- Protecting is no finding, nor is unprotecting and protecting again.
SET SESSION AUTHORIZATION wall_owner;
CREATE TABLE wall.events (tenant_id uuid NOT NULL, day int, PRIMARY KEY (tenant_id, day)) PARTITION BY RANGE (day);
CREATE TABLE wall.events_1 PARTITION OF wall.events FOR VALUES FROM (0) TO (10);
SELECT factory.protect('wall.events');
SELECT factory.unprotect('wall.events');
SELECT factory.protect('wall.events');
RESET SESSION AUTHORIZATION;
SELECT rule, object FROM factory.lint() WHERE object LIKE 'wall.%';
SELECT count(*) FROM factory.platform_events WHERE action = 'table.altered' AND target_id LIKE 'wall.%' AND occurred_at = now();

-- The attack that it is for: the wall down, a look over it, the wall up again, and nothing to be seen in the catalogs.
SET SESSION AUTHORIZATION wall_owner;
ALTER TABLE wall.notes NO FORCE ROW LEVEL SECURITY;
SELECT count(*) FROM wall.notes;
ALTER TABLE wall.notes FORCE ROW LEVEL SECURITY;
RESET SESSION AUTHORIZATION;
SELECT severity, rule, object, problem, fix FROM factory.lint() WHERE object LIKE 'wall.%';
SELECT actor_type, actor_id, target_type, target_id, metadata FROM factory.platform_events WHERE action = 'table.altered' ORDER BY id DESC LIMIT 2;

-- Acknowledging is for operators, says what it acknowledges, and is an event itself.
SET SESSION AUTHORIZATION app_login;
SELECT * FROM factory.acknowledge_changes('wall.notes');
SET SESSION AUTHORIZATION wall_owner;
SELECT changed_by, command, changed_at <= now() AS in_time FROM factory.acknowledge_changes('wall.notes');
SELECT * FROM factory.acknowledge_changes('wall.notes');
SELECT * FROM factory.acknowledge_changes('factory.users');
SELECT * FROM factory.acknowledge_changes('factory.memberships');
SELECT * FROM factory.acknowledge_changes(0);
SELECT * FROM factory.acknowledge_changes(NULL);
RESET SESSION AUTHORIZATION;
SELECT rule, object FROM factory.lint() WHERE object LIKE 'wall.%';
SELECT actor_id, target_id, metadata FROM factory.platform_events WHERE action = 'table.changes_acknowledged' ORDER BY id DESC LIMIT 1;

-- Each way to alter it, by the owner.
SET SESSION AUTHORIZATION wall_owner;
CREATE FUNCTION wall.spy(uuid) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION wall.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TYPE wall.mood AS ENUM ('well');
CREATE TABLE wall.parent (id int);
CREATE TABLE wall.whole (LIKE wall.notes) PARTITION BY LIST (id);
RESET SESSION AUTHORIZATION;
CREATE FUNCTION watch.each(VARIADIC statements text[]) RETURNS TABLE (statement text, changes text) LANGUAGE plpgsql AS $$
BEGIN
  FOREACH statement IN ARRAY statements LOOP
    SET LOCAL ROLE wall_owner;
    EXECUTE statement;
    RESET ROLE;
    changes := coalesce(watch.seen(), '-');
    RETURN NEXT;
  END LOOP;
END $$;
BEGIN;
SELECT * FROM watch.each(
  'ALTER TABLE wall.whole ATTACH PARTITION wall.notes DEFAULT', 'ALTER TABLE wall.whole DETACH PARTITION wall.notes',
  'ALTER TABLE wall.notes DISABLE ROW LEVEL SECURITY', 'ALTER TABLE wall.notes ENABLE ROW LEVEL SECURITY',
  'ALTER TABLE wall.notes ADD COLUMN mood wall.mood', 'ALTER TABLE wall.notes ADD COLUMN n int DEFAULT 1', 'ALTER TABLE wall.notes ALTER COLUMN n SET DEFAULT 2',
  'ALTER TABLE wall.notes ALTER COLUMN n TYPE bigint USING n + 1', 'ALTER TABLE wall.notes RENAME COLUMN n TO m', 'ALTER TABLE wall.notes DROP COLUMN m',
  'ALTER TABLE wall.notes ADD CONSTRAINT spying CHECK (wall.spy(tenant_id))', 'ALTER TABLE wall.notes RENAME CONSTRAINT spying TO spying_on',
  'ALTER TABLE wall.notes DROP CONSTRAINT spying_on',
  'CREATE INDEX spying ON wall.notes (wall.spy(tenant_id))', 'CREATE INDEX partly ON wall.notes (id) WHERE wall.spy(tenant_id)', 'CREATE INDEX plain ON wall.notes (id)',
  'ALTER TABLE wall.notes DISABLE TRIGGER factory_record_change', 'ALTER TABLE wall.notes ENABLE ALWAYS TRIGGER factory_record_change',
  'CREATE TRIGGER fire BEFORE INSERT ON wall.notes FOR EACH ROW EXECUTE FUNCTION wall.fire()', 'ALTER TRIGGER fire ON wall.notes RENAME TO fired',
  'CREATE OR REPLACE TRIGGER fired BEFORE UPDATE ON wall.notes FOR EACH ROW EXECUTE FUNCTION wall.fire()', 'DROP TRIGGER fired ON wall.notes',
  'CREATE POLICY open ON wall.notes USING (true)', 'ALTER POLICY open ON wall.notes USING (id > 0)', 'ALTER POLICY open ON wall.notes RENAME TO opened', 'DROP POLICY opened ON wall.notes',
  'CREATE RULE also AS ON INSERT TO wall.notes DO ALSO NOTHING', 'ALTER RULE also ON wall.notes RENAME TO too', 'ALTER TABLE wall.notes DISABLE RULE too', 'DROP RULE too ON wall.notes',
  'ALTER TABLE wall.notes SET (fillfactor = 70)',
  'CREATE TABLE wall.heir () INHERITS (wall.notes)', 'ALTER TABLE wall.heir NO INHERIT wall.notes', 'ALTER TABLE wall.notes INHERIT wall.parent', 'ALTER TABLE wall.notes NO INHERIT wall.parent',
  'ALTER TABLE wall.notes RENAME TO noted', 'ALTER TABLE wall.noted RENAME TO notes', 'ALTER TABLE wall.notes OWNER TO wall_owner', 'ALTER TABLE IF EXISTS wall.notes REPLICA IDENTITY FULL',
  'DROP TYPE wall.mood CASCADE', 'CREATE TRIGGER fire BEFORE INSERT ON wall.notes FOR EACH ROW EXECUTE FUNCTION wall.fire()', 'DROP FUNCTION wall.fire() CASCADE');
-- Partitions.
SELECT * FROM watch.each(
  'CREATE TABLE wall.events_2 PARTITION OF wall.events FOR VALUES FROM (10) TO (20)', 'ALTER TABLE wall.events_2 DISABLE ROW LEVEL SECURITY',
  'CREATE POLICY open ON wall.events_1 USING (true)', 'DROP POLICY tenant_read ON wall.events_1', 'CREATE TABLE wall.events_3 (tenant_id uuid NOT NULL, day int NOT NULL)',
  'ALTER TABLE wall.events ATTACH PARTITION wall.events_3 FOR VALUES FROM (20) TO (30)', 'CREATE INDEX ON wall.events ((day + 1))', 'ALTER TABLE wall.events DETACH PARTITION wall.events_3',
  'DROP TABLE wall.events_3', 'DROP TABLE wall.events_2');
-- What changes nothing about it, and what is not it.
SELECT * FROM watch.each(
  'COMMENT ON TABLE wall.notes IS $c$a$c$', 'ANALYZE wall.notes', 'CLUSTER wall.notes USING notes_pkey', 'REINDEX TABLE wall.notes', 'TRUNCATE wall.notes CASCADE', 'LOCK TABLE wall.notes',
  'GRANT SELECT ON wall.notes TO factory_app', 'CREATE VIEW wall.shown AS SELECT * FROM wall.notes', 'DROP VIEW wall.shown', 'CREATE STATISTICS wall.counted ON id, title FROM wall.notes',
  'CREATE TABLE wall.referring (tenant_id uuid, id int, FOREIGN KEY (tenant_id, id) REFERENCES wall.notes)', 'ALTER TABLE wall.referring ADD COLUMN n int DEFAULT 1',
  'CREATE INDEX ON wall.referring ((id + 1))', 'CREATE POLICY own ON wall.referring', 'DROP TABLE wall.referring', 'CREATE TABLE wall.alike (LIKE wall.notes INCLUDING ALL)',
  'DROP TABLE wall.alike');
ROLLBACK;

-- By a superuser, by REASSIGN OWNED and DROP OWNED, and in a DO block.
BEGIN;
CREATE ROLE wall_heir;
CREATE POLICY theirs ON wall.notes TO wall_heir USING (true);
SELECT watch.seen();
DROP OWNED BY wall_heir;
SELECT watch.seen();
REASSIGN OWNED BY wall_owner TO wall_heir;
SELECT watch.seen();
DO $$ BEGIN ALTER TABLE wall.notes NO FORCE ROW LEVEL SECURITY; EXECUTE 'ALTER TABLE wall.notes FORCE ROW LEVEL SECURITY'; END $$;
SELECT watch.seen();
-- Who was signed in is the actor; the database role stands beside.
SELECT factory.sign_in(:'ann', :'a') = :'a' AS signed_in;
ALTER TABLE wall.notes ALTER COLUMN title SET DEFAULT 'none';
SELECT actor_type, actor_id = :'ann_id' AS ann, metadata FROM factory.platform_events WHERE action = 'table.altered' ORDER BY id DESC LIMIT 1;
ROLLBACK;

-- What is undone leaves nothing: in a transaction, a savepoint, an exception inside of a command.
BEGIN;
ALTER TABLE wall.notes NO FORCE ROW LEVEL SECURITY;
ROLLBACK;
BEGIN;
SAVEPOINT s;
CREATE POLICY open ON wall.notes USING (true);
ROLLBACK TO s;
CREATE TABLE wall.other (id int);
DO $$ BEGIN
  BEGIN
    CREATE POLICY open ON wall.notes USING (true);
    RAISE division_by_zero;
  EXCEPTION WHEN division_by_zero THEN NULL;
  END;
  CREATE TABLE wall.another (id int);
END $$;
ALTER TABLE wall.notes ADD CONSTRAINT spying CHECK (1 / (id - id) = 0);
ROLLBACK;
CREATE TABLE wall.next (id int);
SELECT watch.seen();
-- But code that runs inside of the command and fails in silence does not hide it.
INSERT INTO wall.notes VALUES (5, :'a', 'one row');
SET SESSION AUTHORIZATION wall_owner;
CREATE FUNCTION wall.make() RETURNS void LANGUAGE plpgsql AS 'BEGIN CREATE TABLE wall.never (id int); END';
CREATE FUNCTION wall.failing(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM wall.make();
  RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN RETURN $1;
END $$;
CREATE INDEX failing ON wall.notes (wall.failing(id));
CREATE INDEX CONCURRENTLY later ON wall.notes (wall.failing(id));
RESET SESSION AUTHORIZATION;
SELECT watch.seen();

-- unprotect() takes the list along, and so does DROP; the events stay.
SET SESSION AUTHORIZATION wall_owner;
ALTER TABLE wall.events ADD COLUMN n int;
ALTER TABLE wall.notes ADD COLUMN n int;
SELECT factory.unprotect('wall.events');
DROP TABLE wall.notes;
ALTER TABLE wall.events ADD COLUMN m int;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM factory.table_changes;
SELECT action, target_id, metadata ->> 'command' AS command FROM factory.platform_events WHERE action LIKE 'table.%' ORDER BY id DESC LIMIT 4;

-- The platform's own scripts are no finding, and without the platform there is nothing to note.
SELECT rule, object FROM factory.lint() WHERE rule LIKE 'table_%';
DROP SCHEMA watch CASCADE;
\i :leave
