-- Who may protect what; and that code which an app hung on its table never runs with the rights of whoever protects it.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\pset footer off
SET client_min_messages = warning;
DROP ROLE IF EXISTS wall_dev, wall_run;
CREATE ROLE wall_dev;
CREATE ROLE wall_run IN ROLE factory_app;
GRANT CREATE ON SCHEMA wall TO wall_dev;

SET SESSION AUTHORIZATION wall_dev;
CREATE TABLE wall.devs (id int, tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id, id));
-- The owner who is no operator.
SELECT factory.protect('wall.devs');
-- An operator who is not the owner.
SET SESSION AUTHORIZATION wall_owner;
SELECT factory.protect('wall.devs');
SELECT factory.protect('pg_catalog.pg_class');
-- The second half alone.
SELECT factory.register_protection('wall.devs', 'workspace.view', 'records.write', 'wall_owner');
SELECT factory.register_protection('wall.notes', NULL, NULL, 'wall_owner');
-- A runtime login, for a table of its own and for others.
\c - app_login
SELECT factory.protect('wall.notes');
SELECT factory.unprotect('wall.notes');
SELECT * FROM factory.protected_tables;
SELECT * FROM factory.lint();
SELECT * FROM factory.tenant_unique_keys('wall.notes');
DROP TABLE wall.notes;
ALTER TABLE wall.notes DISABLE ROW LEVEL SECURITY;
ALTER TABLE wall.notes DISABLE TRIGGER factory_record_change;
CREATE TRIGGER spy BEFORE INSERT ON wall.notes FOR EACH ROW EXECUTE FUNCTION factory.record_change();
\c - postgres
ALTER TABLE wall.devs OWNER TO wall_run;
SELECT factory.protect('wall.devs');
ALTER TABLE wall.devs OWNER TO factory_app;
SELECT factory.protect('wall.devs');
-- A superuser may for everybody, and the table stays whose it is.
ALTER TABLE wall.devs OWNER TO wall_dev;
SELECT factory.protect('wall.devs');
SELECT relowner::regrole FROM pg_class WHERE oid = 'wall.devs'::regclass;
SELECT protected_by FROM factory.protected_tables WHERE relation = 'wall.devs'::regclass;
-- unprotect() asks the same of its caller.
SET SESSION AUTHORIZATION wall_dev;
SELECT factory.unprotect('wall.devs');
SET SESSION AUTHORIZATION wall_owner;
SELECT factory.unprotect('wall.devs');
RESET SESSION AUTHORIZATION;
SELECT factory.unprotect('wall.devs');

-- A spy in every place where a statement on the table could call it; it notes whether it ran as a superuser.
SET SESSION AUTHORIZATION wall_dev;
CREATE SEQUENCE wall.called;
CREATE SEQUENCE wall.called_as_superuser;
GRANT USAGE ON SEQUENCE wall.called, wall.called_as_superuser TO PUBLIC;
CREATE FUNCTION wall.spied() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM nextval(CASE WHEN (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN 'wall.called_as_superuser' ELSE 'wall.called' END);
  RETURN true;
END $$;
CREATE FUNCTION wall.spying_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM wall.spied(); RETURN new; END $$;
CREATE FUNCTION wall.spying_number(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM wall.spied(); RETURN $1; END $$;
CREATE DOMAIN wall.spying_domain AS int CHECK (wall.spying_number(VALUE) IS NOT NULL);
CREATE TABLE wall.trap (
  id int DEFAULT wall.spying_number(1), n wall.spying_domain, made int GENERATED ALWAYS AS (wall.spying_number(id)) STORED,
  CONSTRAINT spying_check CHECK (wall.spying_number(id) > 0));
CREATE INDEX ON wall.trap (wall.spying_number(id)) WHERE wall.spied();
CREATE TRIGGER each_row BEFORE INSERT OR UPDATE OR DELETE ON wall.trap FOR EACH ROW EXECUTE FUNCTION wall.spying_trigger();
CREATE TRIGGER each_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON wall.trap FOR EACH STATEMENT EXECUTE FUNCTION wall.spying_trigger();
ALTER TABLE wall.trap ENABLE ALWAYS TRIGGER each_row, ENABLE ALWAYS TRIGGER each_statement;
CREATE POLICY spying_policy ON wall.trap USING (wall.spied()) WITH CHECK (wall.spied());
CREATE RULE spying_rule AS ON UPDATE TO wall.trap DO ALSO SELECT wall.spied();
INSERT INTO wall.trap VALUES (1, 1), (2, 2);
ALTER TABLE wall.trap ENABLE ROW LEVEL SECURITY;
SELECT is_called FROM wall.called;
SELECT setval('wall.called', 1, false);
RESET SESSION AUTHORIZATION;
SELECT factory.protect('wall.trap', existing_rows_tenant => :'a');
SELECT factory.unprotect('wall.trap');
SELECT factory.protect('wall.trap');
SELECT count(*) FROM factory.lint() WHERE object ~ 'wall.trap';
ALTER TABLE wall.trap NO FORCE ROW LEVEL SECURITY;
DROP TRIGGER factory_record_change ON wall.trap;
SELECT fix FROM factory.lint() WHERE object ~ '^wall.trap' AND fix LIKE '%;' \gexec
SELECT is_called FROM wall.called_as_superuser;
-- The trap works: a statement of the superuser itself falls into it.
INSERT INTO wall.trap (id, n, tenant_id) VALUES (3, 3, :'a');
SELECT is_called FROM wall.called_as_superuser;

-- What was lent to an owner who is no operator was taken back.
SELECT rule, object FROM factory.lint() WHERE rule LIKE 'privilege%';

-- What the owner's trigger puts into a row is checked after it.
SET SESSION AUTHORIZATION wall_dev;
CREATE TABLE wall.mover (id int, target uuid, tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE FUNCTION wall.move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.tenant_id := coalesce(new.target, new.tenant_id); RETURN new; END $$;
CREATE TRIGGER move BEFORE INSERT OR UPDATE ON wall.mover FOR EACH ROW EXECUTE FUNCTION wall.move();
GRANT SELECT, INSERT, UPDATE ON wall.mover TO factory_app;
RESET SESSION AUTHORIZATION;
SELECT factory.protect('wall.mover');
\c - app_login
BEGIN;
SELECT factory.sign_in(:'cay', :'a') = :'a' AS signed_in;
INSERT INTO wall.mover (id) VALUES (1);
SAVEPOINT s;
INSERT INTO wall.mover (id, target) VALUES (2, :'b');
ROLLBACK TO s;
UPDATE wall.mover SET target = :'b';
ROLLBACK TO s;
SELECT id FROM wall.mover;
ROLLBACK;

\c - postgres
SET client_min_messages = warning;
\i :leave
DROP ROLE wall_dev, wall_run;
