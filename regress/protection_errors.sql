-- What factory.protect() and unprotect() refuse, and that what they say to run first works when it is run.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\pset footer off
SET client_min_messages = warning;
SET SESSION AUTHORIZATION wall_owner;

-- Arguments.
CREATE TABLE wall.t (id int, tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id, id));
SELECT factory.protect(NULL);
SELECT factory.protect('wall.nowhere');
SELECT factory.protect(0);
SELECT factory.protect('wall.t', read => 'records.fly');
SELECT factory.protect('wall.t', write => '');
SELECT factory.protect('wall.t', write => repeat('é', 1000000));
SELECT factory.protect('wall.t', read => NULL);
SELECT factory.unprotect('wall.t');
SELECT factory.unprotect(NULL);

-- Things that are not a table of an app.
CREATE VIEW wall.a_view AS SELECT 1 AS tenant_id;
CREATE MATERIALIZED VIEW wall.a_copy AS SELECT 1 AS tenant_id;
CREATE SEQUENCE wall.a_sequence;
CREATE TABLE wall.parts (id int, tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id, id)) PARTITION BY RANGE (id);
CREATE TABLE wall.part PARTITION OF wall.parts DEFAULT;
CREATE TABLE wall.base (id int);
CREATE TABLE wall.heir () INHERITS (wall.base);
CREATE INDEX an_index ON wall.base (id);
SELECT factory.protect('wall.a_view');
SELECT factory.protect('wall.a_copy');
SELECT factory.protect('wall.a_sequence');
SELECT factory.protect('wall.an_index');
SELECT factory.protect('wall.part');
SELECT factory.protect('wall.base');
SELECT factory.protect('wall.heir');
RESET SESSION AUTHORIZATION;
CREATE TEMPORARY TABLE fleeting (id int);
CREATE FOREIGN DATA WRAPPER wall_wrapper;
CREATE SERVER wall_server FOREIGN DATA WRAPPER wall_wrapper;
CREATE FOREIGN TABLE wall.far (id int) SERVER wall_server;
SELECT factory.protect('fleeting');
SELECT factory.protect('wall.far');
SELECT factory.protect('factory.users');
SELECT factory.protect('factory.memberships');
SELECT factory.unprotect('factory.memberships');
SELECT factory.protect('pg_catalog.pg_class');
DROP FOREIGN DATA WRAPPER wall_wrapper CASCADE;
SET SESSION AUTHORIZATION wall_owner;

-- A tenant_id that is not what the policies compare with.
CREATE TABLE wall.text_id (id int, tenant_id text);
CREATE TABLE wall.generated_id (id int, other uuid, tenant_id uuid GENERATED ALWAYS AS (other) STORED);
CREATE DOMAIN wall.tenant AS uuid;
CREATE TABLE wall.domain_id (id int, tenant_id wall.tenant);
SELECT factory.protect('wall.text_id');
SELECT factory.protect('wall.generated_id');
SELECT factory.protect('wall.domain_id');

-- Rows without a workspace, or of one that is not there.
CREATE TABLE wall.filled (id int);
INSERT INTO wall.filled VALUES (1);
SELECT factory.protect('wall.filled');
SELECT factory.protect('wall.filled', existing_rows_tenant => '00000000-0000-0000-0000-000000000000');
CREATE TABLE wall.half (id int, tenant_id uuid);
INSERT INTO wall.half VALUES (1, NULL);
SELECT factory.protect('wall.half');
INSERT INTO wall.t VALUES (1, '00000000-0000-0000-0000-000000000000');
SELECT factory.protect('wall.t');
DELETE FROM wall.t;
-- Nothing of a refused attempt is left.
SELECT attname FROM pg_attribute WHERE attrelid = 'wall.filled'::regclass AND attnum > 0;
SELECT relrowsecurity FROM pg_class WHERE oid = 'wall.t'::regclass;

-- Twice.
SELECT factory.protect('wall.t');
SELECT factory.protect('wall.t');
SELECT factory.unprotect('wall.t');
SELECT factory.unprotect('wall.t');

-- Names of ours that are taken.
CREATE POLICY tenant_read ON wall.t USING (true);
SELECT factory.protect('wall.t');

-- Keys that ignore the workspace: the refusal says what to run, and after that protect() accepts the table.
CREATE TABLE wall.keyed (
  id int PRIMARY KEY, code text, during int4range, "odd, (name)" text,
  CONSTRAINT code_once UNIQUE (code) INCLUDE (id) DEFERRABLE INITIALLY DEFERRED, UNIQUE NULLS NOT DISTINCT ("odd, (name)", code),
  EXCLUDE USING gist (during WITH &&) WHERE (code <> ''));
CREATE UNIQUE INDEX keyed_lower ON wall.keyed USING btree (lower(code) COLLATE "C" DESC) WHERE code IS NOT NULL;
CREATE TABLE wall.referring (id int, keyed_id int CONSTRAINT to_keyed REFERENCES wall.keyed ON UPDATE CASCADE ON DELETE SET NULL);
CREATE TABLE wall.partitioned (id int, kind int, tenant_id uuid NOT NULL, PRIMARY KEY (kind, id)) PARTITION BY LIST (kind);
CREATE TABLE wall.partitioned_1 PARTITION OF wall.partitioned FOR VALUES IN (1);
CREATE UNIQUE INDEX own_key ON wall.partitioned_1 (id);
CREATE TABLE wall.with_rows (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
INSERT INTO wall.with_rows DEFAULT VALUES;
RESET SESSION AUTHORIZATION;
CREATE EXTENSION btree_gist;
SET SESSION AUTHORIZATION wall_owner;
SELECT set_config('test.a', :'a', false) = :'a' AS kept;
CREATE FUNCTION wall.protect_as_told("table" regclass, existing_rows_tenant uuid DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  said text;
BEGIN
  PERFORM factory.protect("table", existing_rows_tenant => existing_rows_tenant);
  RETURN 'accepted at once';
EXCEPTION WHEN invalid_parameter_value THEN
  GET STACKED DIAGNOSTICS said = PG_EXCEPTION_DETAIL;
  EXECUTE said::json->>'fix';
  PERFORM factory.protect("table", existing_rows_tenant => existing_rows_tenant);
  RETURN replace(said::json->>'fix', coalesce(existing_rows_tenant::text, ''), 'A');
END $$;
SELECT wall.protect_as_told('wall.keyed');
SELECT wall.protect_as_told('wall.partitioned');
SELECT wall.protect_as_told('wall.with_rows', :'a');
SELECT wall.protect_as_told('wall.referring');
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid IN ('wall.keyed'::regclass, 'wall.referring'::regclass, 'wall.partitioned'::regclass, 'wall.with_rows'::regclass) ORDER BY conrelid::regclass::text, conname;
SELECT indexdef FROM pg_indexes WHERE indexname IN ('keyed_lower', 'own_key') ORDER BY indexname;
RESET SESSION AUTHORIZATION;
SELECT rule, object FROM factory.lint() WHERE object ~ '^wall.(keyed|referring|partitioned|with_rows)' ORDER BY 1, 2;

DROP EXTENSION btree_gist CASCADE;
\i :leave
