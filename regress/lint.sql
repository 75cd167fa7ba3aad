-- factory.lint(): nothing on a fresh install; one of each mistake is found; each fix mends it when run as it stands.
\pset format unaligned
\pset fieldsep ' | '
\pset footer off
SET client_min_messages = warning;

SELECT * FROM factory.lint();

-- For operators alone.
SET ROLE factory_app;
SELECT * FROM factory.lint();
RESET ROLE;
SET ROLE factory_operator;
SELECT * FROM factory.lint();
RESET ROLE;

-- All that follows is rolled back at the end.
BEGIN;
CREATE ROLE lint_dev IN ROLE factory_operator;
CREATE ROLE lint_run LOGIN IN ROLE factory_app;
CREATE SCHEMA lint_app AUTHORIZATION lint_dev;
GRANT USAGE ON SCHEMA lint_app TO factory_app;

-- 1. Tables that nobody protected; another one with the name of the first stands in front of it on the path.
CREATE VIEW public.unprotected AS SELECT 1 AS shadow;
SET ROLE lint_dev;
CREATE TABLE lint_app.unprotected (tenant_id uuid NOT NULL, id int, PRIMARY KEY (tenant_id, id));
CREATE TABLE lint_app."quo""ted
table" (tenant_id uuid, "i'd" int NOT NULL, CONSTRAINT "ke""y" UNIQUE ("i'd"));
CREATE TABLE lint_app.text_tenant (tenant_id text, id int);

-- 2. Keys: primary, unique with all its trimmings, index on an expression, exclusion; with references that hang on them.
CREATE TABLE lint_app.parent (
  id int PRIMARY KEY, email text, code text, during int4range, tenant_id uuid NOT NULL,
  CONSTRAINT parent_code UNIQUE NULLS NOT DISTINCT (code, tenant_id) INCLUDE (email) DEFERRABLE,
  EXCLUDE USING gist (during WITH &&) WHERE (id > 0));
CREATE UNIQUE INDEX parent_email ON lint_app.parent (lower(email)) WHERE email <> '';
CREATE TABLE lint_app.child (
  tenant_id uuid NOT NULL, id int, parent_id int CONSTRAINT child_parent REFERENCES lint_app.parent ON DELETE CASCADE DEFERRABLE,
  PRIMARY KEY (tenant_id, id));
CREATE TABLE lint_app.orphan (id int PRIMARY KEY, parent_id int CONSTRAINT orphan_parent REFERENCES lint_app.parent);

-- 3. References between tables whose keys are in order.
CREATE TABLE lint_app.good (
  tenant_id uuid NOT NULL, id int, PRIMARY KEY (tenant_id, id));
SELECT factory.protect('lint_app.good');
CREATE TABLE lint_app.setter (
  tenant_id uuid NOT NULL, id int, good_id int, PRIMARY KEY (tenant_id, id),
  CONSTRAINT setter_good FOREIGN KEY (tenant_id, good_id) REFERENCES lint_app.good ON DELETE SET NULL (good_id));
SELECT factory.protect('lint_app.setter');
CREATE TABLE lint_app.stranger (
  other_tenant uuid, good_id int, CONSTRAINT stranger_good FOREIGN KEY (other_tenant, good_id) REFERENCES lint_app.good);

-- 4. Row-level security, policies and the audit trigger.
CREATE TABLE lint_app.loose (tenant_id uuid NOT NULL, id int, PRIMARY KEY (tenant_id, id));
SELECT factory.protect('lint_app.loose', read => 'audit.view', write => 'members.manage');
ALTER TABLE lint_app.loose DROP CONSTRAINT loose_pkey;
ALTER TABLE lint_app.loose NO FORCE ROW LEVEL SECURITY, ALTER COLUMN tenant_id DROP NOT NULL;
DROP POLICY tenant_read ON lint_app.loose;
ALTER POLICY tenant_insert ON lint_app.loose WITH CHECK (factory.can('workspace.view'));
ALTER POLICY tenant_delete ON lint_app.loose TO factory_app;
CREATE POLICY everybody ON lint_app.loose USING (true);
CREATE POLICY narrower ON lint_app.loose AS RESTRICTIVE USING (id > 0);
ALTER TABLE lint_app.loose ENABLE REPLICA TRIGGER factory_record_change;
CREATE TABLE lint_app.off (tenant_id uuid NOT NULL, id int, PRIMARY KEY (tenant_id, id));
SELECT factory.protect('lint_app.off');
ALTER TABLE lint_app.off DISABLE ROW LEVEL SECURITY;
DROP TRIGGER factory_record_change ON lint_app.off;
CREATE TABLE lint_app.silent (tenant_id uuid NOT NULL, id int, PRIMARY KEY (tenant_id, id));
SELECT factory.protect('lint_app.silent');
DROP TRIGGER factory_record_change ON lint_app.silent;
CREATE TRIGGER factory_record_change AFTER INSERT ON lint_app.silent FOR EACH ROW WHEN (new.id < 0) EXECUTE FUNCTION factory.record_change();
ALTER TABLE lint_app.silent ENABLE ALWAYS TRIGGER factory_record_change;
CREATE TABLE lint_app.parted (tenant_id uuid NOT NULL, id int, PRIMARY KEY (tenant_id, id)) PARTITION BY RANGE (id);
CREATE TABLE lint_app.parted_1 PARTITION OF lint_app.parted FOR VALUES FROM (0) TO (10);
SELECT factory.protect('lint_app.parted');
ALTER TABLE lint_app.parted_1 DISABLE TRIGGER factory_record_change;
CREATE TABLE lint_app.parted_2 PARTITION OF lint_app.parted FOR VALUES FROM (10) TO (20);
CREATE TABLE lint_app.heir () INHERITS (lint_app.good);
CREATE TABLE lint_app.ancestor (tenant_id uuid NOT NULL, id int);
ALTER TABLE lint_app.off INHERIT lint_app.ancestor;
CREATE TABLE lint_app.whole (LIKE lint_app.good) PARTITION BY LIST (id);
ALTER TABLE lint_app.whole ATTACH PARTITION lint_app.silent DEFAULT;
GRANT SELECT, TRUNCATE, REFERENCES, TRIGGER ON lint_app.good TO factory_app;

-- 5. Ways around: views, materialized views, foreign tables, functions.
CREATE VIEW lint_app.owners_view AS SELECT * FROM lint_app.good;
CREATE VIEW lint_app.closed_view AS SELECT * FROM lint_app.good;
CREATE VIEW lint_app.invoker_view WITH (security_invoker) AS SELECT * FROM lint_app.good;
CREATE MATERIALIZED VIEW lint_app.copied AS SELECT * FROM lint_app.invoker_view;
GRANT SELECT ON lint_app.owners_view, lint_app.copied TO factory_app;
GRANT SELECT (id) ON lint_app.invoker_view TO PUBLIC;
CREATE FUNCTION lint_app.no_path() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
CREATE FUNCTION lint_app.temp_first(text, OUT a int) LANGUAGE sql SECURITY DEFINER SET search_path = pg_temp, lint_app, "Quo""ted, schema" AS 'SELECT 1';
CREATE FUNCTION lint_app.bound() RETURNS int LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT 1; END;
CREATE FUNCTION lint_app.pinned() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = lint_app, pg_temp AS 'SELECT 1';
RESET ROLE;
CREATE VIEW lint_app.superusers_view AS SELECT * FROM lint_app.invoker_view;
GRANT SELECT ON lint_app.superusers_view TO lint_run;
CREATE FOREIGN DATA WRAPPER lint_wrapper;
CREATE SERVER lint_server FOREIGN DATA WRAPPER lint_wrapper;
CREATE FOREIGN TABLE lint_app.far (tenant_id uuid, id int) SERVER lint_server;
GRANT SELECT ON lint_app.far TO PUBLIC;
CREATE FUNCTION lint_app.superusers_function() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 1';
ALTER FUNCTION factory.create_tenant(text, text) RESET search_path;

-- 6. Roles.
CREATE TABLE lint_app.owned (id int);
ALTER TABLE lint_app.owned OWNER TO lint_run;
CREATE FUNCTION lint_app.owned(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER FUNCTION lint_app.owned(int) OWNER TO lint_run;
CREATE SCHEMA lint_owned AUTHORIZATION lint_run;
CREATE TYPE lint_owned.mood AS ENUM ('well');
ALTER TYPE lint_owned.mood OWNER TO factory_app;
GRANT CREATE ON SCHEMA lint_app TO lint_run;
GRANT CREATE ON SCHEMA public TO PUBLIC;
SELECT format('GRANT CREATE, TEMPORARY ON DATABASE %I TO PUBLIC', current_database()) \gexec
CREATE ROLE lint_both IN ROLE factory_app, factory_operator;
GRANT factory_owner TO lint_dev WITH ADMIN OPTION;
CREATE ROLE lint_ally;
SET ROLE lint_dev;
GRANT factory_owner TO lint_ally;
RESET ROLE;
CREATE ROLE lint_group IN ROLE pg_signal_backend;
GRANT lint_group TO lint_run;
GRANT pg_read_all_settings TO factory_app;
CREATE ROLE "lint ""sees all" BYPASSRLS;
ALTER ROLE factory_operator LOGIN CREATEDB;

-- 7. Objects of ours.
ALTER TABLE factory.users OWNER TO postgres;
ALTER TABLE factory.memberships DISABLE TRIGGER keep_last_owner;
ALTER TABLE factory.memberships DISABLE ROW LEVEL SECURITY;
ALTER POLICY tenant_guard ON factory.invitations USING (true);
ALTER EXTENSION platform_factory DROP TABLE factory.sessions;
ALTER EXTENSION platform_factory ADD TABLE factory.sessions;
ALTER EXTENSION platform_factory DROP TABLE factory.routes;
ALTER EXTENSION platform_factory ADD TABLE factory.routes;
GRANT SELECT, UPDATE ON factory.credentials TO lint_run WITH GRANT OPTION;
SET ROLE lint_run;
GRANT SELECT ON factory.credentials TO PUBLIC;
RESET ROLE;
GRANT UPDATE ON factory.audit_events TO factory_owner;
GRANT SELECT (email) ON factory.users TO factory_app;
GRANT SELECT ON factory.members TO factory_app WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION factory.protect(regclass, text, text, uuid) TO PUBLIC;
GRANT CREATE ON SCHEMA factory TO lint_dev;
REVOKE EXECUTE ON FUNCTION factory.tenant_id() FROM PUBLIC;
REVOKE REFERENCES (id) ON factory.tenant_records FROM factory_operator;

-- 8. What is to come: default privileges, parameters, large objects, routes, logins.
ALTER DEFAULT PRIVILEGES FOR ROLE lint_dev IN SCHEMA lint_app GRANT SELECT ON TABLES TO factory_app;
ALTER DEFAULT PRIVILEGES FOR ROLE factory_owner GRANT SELECT ON TABLES TO lint_dev;
ALTER DEFAULT PRIVILEGES FOR ROLE lint_dev GRANT EXECUTE ON FUNCTIONS TO lint_dev;
GRANT SET ON PARAMETER session_replication_role TO lint_run;
GRANT ALTER SYSTEM ON PARAMETER factory.issuer TO lint_dev;
GRANT EXECUTE ON FUNCTION lo_creat(int), loread(int, int) TO PUBLIC;
CREATE FUNCTION lint_app.gone() RETURNS int LANGUAGE sql SET search_path = pg_catalog, pg_temp AS 'SELECT 1';
SELECT factory.route_add('lint_app.gone()', 'GET', '/v1/app/gone', 'Gone');
DROP FUNCTION lint_app.gone();

SELECT severity, rule, object, problem FROM factory.lint();

-- An operator sees the same.
CREATE TEMPORARY TABLE seen AS SELECT * FROM factory.lint();
GRANT SELECT ON seen TO factory_operator;
SET ROLE factory_operator;
SELECT count(*) > 50 AS many, count(*) = (SELECT count(*) FROM seen) AS same FROM factory.lint();
RESET ROLE;

-- Every fix that is DDL, in the order in which they stand.
SELECT fix FROM factory.lint() WHERE fix LIKE '%;' \gexec
SELECT severity, rule, object FROM factory.lint();
-- Tables that got their tenant_id just now are unprotected yet.
SELECT fix FROM factory.lint() WHERE fix LIKE '%;' \gexec
SELECT severity, rule, object, fix FROM factory.lint();
-- What was in order stays as it was, and what was mended is what was wanted.
SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
 WHERE connamespace = 'lint_app'::regnamespace AND contype IN ('p', 'u', 'x', 'f') AND conrelid::regclass::text ~ 'parent|child|orphan|setter|stranger'
 ORDER BY conrelid::regclass::text, conname;
SELECT indexdef FROM pg_indexes WHERE indexname = 'parent_email';
SELECT polname FROM pg_policy WHERE polrelid = 'lint_app.loose'::regclass ORDER BY polname;
SELECT proconfig FROM pg_proc WHERE oid = 'lint_app.temp_first(text)'::regprocedure;
SELECT count(*) FILTER (WHERE c = 'WHERE NOT shipped') AS filtered FROM pg_extension e, unnest(e.extcondition) c WHERE extname = 'platform_factory';
ROLLBACK;

SELECT * FROM factory.lint();

-- What only some servers have. Up to 15 a maker of roles can join any role, from 17 on GRANT ALL contains MAINTAIN.
SELECT current_setting('server_version_num')::integer < 160000 AS makers_join, current_setting('server_version_num')::integer >= 170000 AS maintains \gset
BEGIN;
CREATE ROLE lint_maker CREATEROLE LOGIN;
CREATE TABLE lint_all (tenant_id uuid NOT NULL, id int, PRIMARY KEY (tenant_id, id));
SELECT factory.protect('lint_all');
GRANT ALL ON lint_all TO factory_app;
SELECT severity, rule, object, problem FROM factory.lint() WHERE rule <> 'may_create_roles' AND problem !~ 'MAINTAIN';
SELECT count(*) FILTER (WHERE rule = 'may_create_roles' AND object = 'lint_maker') = :'makers_join'::boolean::integer AS maker_told,
       count(*) FILTER (WHERE problem ~ 'factory_app holds MAINTAIN') = :'maintains'::boolean::integer AS maintain_told
FROM factory.lint();
\set ECHO none
SELECT fix FROM factory.lint() \gexec
\set ECHO all
SELECT * FROM factory.lint();
ROLLBACK;

-- Settings of the server are read from what is in force for new sessions.
ALTER SYSTEM SET restart_after_crash = off;
ALTER SYSTEM SET log_parameter_max_length_on_error = -1;
SELECT pg_reload_conf();
SELECT pg_sleep(0.5);
\c
SELECT severity, rule, object, problem FROM factory.lint();
SELECT fix FROM factory.lint() \gexec
SELECT pg_reload_conf();
SELECT pg_sleep(0.5);
\c
SELECT * FROM factory.lint();
ALTER SYSTEM RESET restart_after_crash;
ALTER SYSTEM RESET log_parameter_max_length_on_error;
SELECT pg_reload_conf();
