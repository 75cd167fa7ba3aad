-- factory.protect(): a table becomes a tenant table in one call, and from then on filters, refuses and audits by itself.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\pset footer off

-- What there is on a table and below it.
CREATE VIEW wall.shape AS
  SELECT c.oid AS relation, c.relrowsecurity AND c.relforcerowsecurity AS guarded,
         (SELECT a.attnotnull::text || ' ' || pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
          WHERE a.attrelid = c.oid AND a.attname = 'tenant_id') AS tenant_id,
         (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
         (SELECT string_agg(t.tgenabled::text, '') FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'factory_record_change') AS audited,
         EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.confrelid = 'factory.tenant_records'::regclass) AS referring
  FROM pg_class c WHERE c.relnamespace = 'wall'::regnamespace AND c.relkind IN ('r', 'p');
CREATE VIEW wall.log AS
  SELECT e.id, e.tenant_id, e.action, e.outcome, e.actor_type,
         CASE WHEN e.actor_type = 'user' THEN (SELECT u.name FROM factory.users u WHERE u.id::text = e.actor_id) ELSE e.actor_id END AS actor,
         e.target_type, e.target_id, e.before, e.after
  FROM factory.audit_events e WHERE e.tenant_id IN (:'a', :'b') AND e.target_type LIKE 'wall.%';

SET SESSION AUTHORIZATION wall_owner;

-- An empty table without the column gets all of it.
CREATE TABLE wall.bookings (id uuid NOT NULL DEFAULT factory.uuid7(), title text);
GRANT SELECT, INSERT, UPDATE, DELETE ON wall.bookings TO factory_app;
SELECT factory.protect('wall.bookings');
SELECT * FROM factory.protected_tables WHERE relation = 'wall.bookings'::regclass AND protected_at <= now() \gset kept_
SELECT :'kept_relation' AS relation, :'kept_read_capability' AS reads, :'kept_write_capability' AS writes, :'kept_protected_by' AS protected_by;
RESET SESSION AUTHORIZATION;
SELECT relation::regclass, guarded, tenant_id, policies, audited, referring FROM wall.shape WHERE relation = 'wall.bookings'::regclass;
SELECT polname, polpermissive, polcmd, polroles, pg_get_expr(polqual, polrelid) AS using, pg_get_expr(polwithcheck, polrelid) AS check
FROM pg_policy WHERE polrelid = 'wall.bookings'::regclass ORDER BY polname;
SELECT indexdef FROM pg_indexes WHERE schemaname = 'wall' AND tablename = 'bookings';

-- A column that is there is taken as it is; rows of before belong to the workspace that is named.
SET SESSION AUTHORIZATION wall_owner;
CREATE TABLE wall.kept (tenant_id uuid, "o'dd ""name" int, PRIMARY KEY (tenant_id, "o'dd ""name"));
SELECT factory.protect('wall.kept', read => 'audit.view', write => 'workspace.manage');
GRANT SELECT, INSERT ON wall.kept TO factory_app;
CREATE TABLE wall."it's ""odd""
table" (n int);
INSERT INTO wall."it's ""odd""
table" SELECT generate_series(1, 3);
SELECT factory.protect('wall."it''s ""odd""
table"', existing_rows_tenant => :'a');
RESET SESSION AUTHORIZATION;
SELECT tenant_id = :'a' AS in_a, count(*) FROM wall."it's ""odd""
table" GROUP BY 1;
SELECT relation::regclass, guarded, tenant_id, policies, audited, referring FROM wall.shape
 WHERE relation IN ('wall.kept'::regclass, 'wall."it''s ""odd""
table"'::regclass) ORDER BY 1;
SELECT action, actor_type, actor_id, target_id FROM factory.platform_events WHERE action = 'table.protected' ORDER BY id DESC LIMIT 3;

-- What the app does is filtered, refused and written down.
\c - app_login
SELECT count(*) FROM wall.bookings;
INSERT INTO wall.bookings (title) VALUES ('nobody');
BEGIN;
SELECT factory.sign_in(:'ann', :'a') = :'a' AS signed_in;
INSERT INTO wall.bookings (title) VALUES ('first'), ('second');
UPDATE wall.bookings SET title = 'First' WHERE title = 'first';
UPDATE wall.bookings SET title = title;
DELETE FROM wall.bookings WHERE title = 'second';
SELECT title, tenant_id = :'a' AS in_a FROM wall.bookings;
SAVEPOINT s;
INSERT INTO wall.bookings (tenant_id, title) VALUES (:'b', 'smuggled');
ROLLBACK TO s;
UPDATE wall.bookings SET tenant_id = :'b';
ROLLBACK TO s;
UPDATE wall.bookings SET tenant_id = NULL;
ROLLBACK TO s;
-- The capability to read is not the capability to write.
INSERT INTO wall.kept VALUES (:'a', 1);
SELECT count(*) FROM wall.kept;
COMMIT;
BEGIN;
SELECT factory.sign_in(:'cay', :'a') = :'a' AS signed_in;
SELECT count(*) FROM wall.bookings;
SELECT count(*) FROM wall.kept;
INSERT INTO wall.kept VALUES (:'a', 2);
ROLLBACK;
BEGIN;
SELECT factory.sign_in(:'ben', :'b') = :'b' AS signed_in;
SELECT count(*) FROM wall.bookings;
UPDATE wall.bookings SET title = 'taken';
DELETE FROM wall.bookings;
ROLLBACK;
\c - postgres
SELECT action, outcome, actor, before - 'id' AS before, after - 'id' AS after FROM wall.log WHERE target_type IN ('wall.bookings', 'wall.kept') ORDER BY id;

-- Upsert, MERGE and many rows at once.
SET SESSION AUTHORIZATION wall_owner;
CREATE TABLE wall.stock (tenant_id uuid NOT NULL DEFAULT factory.tenant_id(), sku text, amount int, PRIMARY KEY (tenant_id, sku));
GRANT SELECT, INSERT, UPDATE, DELETE ON wall.stock TO factory_app;
SELECT factory.protect('wall.stock');
\c - app_login
BEGIN;
SELECT factory.sign_in(:'cay', :'a') = :'a' AS signed_in;
INSERT INTO wall.stock (sku, amount) VALUES ('nut', 1) ON CONFLICT (tenant_id, sku) DO UPDATE SET amount = stock.amount + excluded.amount;
INSERT INTO wall.stock (sku, amount) VALUES ('nut', 1) ON CONFLICT (tenant_id, sku) DO UPDATE SET amount = stock.amount + excluded.amount;
INSERT INTO wall.stock (sku, amount) VALUES ('nut', 9) ON CONFLICT DO NOTHING;
MERGE INTO wall.stock s USING (VALUES ('nut', 5), ('bolt', 7), ('cog', 0)) AS v(sku, amount) ON s.tenant_id = factory.tenant_id() AND s.sku = v.sku
  WHEN MATCHED THEN UPDATE SET amount = v.amount WHEN NOT MATCHED AND v.amount > 0 THEN INSERT (sku, amount) VALUES (v.sku, v.amount);
INSERT INTO wall.stock (sku, amount) SELECT 'bulk ' || n, n FROM generate_series(1, 10000) n;
SELECT count(*), sum(amount) FROM wall.stock;
COMMIT;
-- The key of another workspace is no conflict.
BEGIN;
SELECT factory.sign_in(:'ben', :'b') = :'b' AS signed_in;
INSERT INTO wall.stock (sku, amount) VALUES ('nut', 100) ON CONFLICT DO NOTHING RETURNING amount;
COMMIT;
\c - postgres
SELECT action, actor, target_id, before, after FROM wall.log WHERE target_type = 'wall.stock' AND target_id !~ 'bulk' ORDER BY id;
SELECT count(*), count(DISTINCT target_id), bool_and(tenant_id = :'a' AND action = 'stock.created' AND after->>'sku' = target_id) AS all_true
FROM wall.log WHERE target_type = 'wall.stock' AND target_id ~ 'bulk';

-- An operator that row security does not bind writes without a context: the event is in the log of the row's workspace.
SELECT set_config('test.b', :'b', false) = :'b' AS kept;
ALTER TABLE wall.stock ALTER COLUMN tenant_id SET DEFAULT current_setting('test.b')::uuid;
COPY wall.stock (sku, amount) FROM STDIN;
copied	3
\.
ALTER TABLE wall.stock ALTER COLUMN tenant_id SET DEFAULT factory.tenant_id();
UPDATE wall.stock SET amount = 4 WHERE sku = 'copied';
DELETE FROM wall.stock WHERE sku = 'copied';
SELECT tenant_id = :'b' AS in_b, action, actor_type, actor, before, after FROM wall.log WHERE target_id = 'copied' ORDER BY id;
-- But no row moves, whoever asks.
UPDATE wall.stock SET tenant_id = :'a', sku = 'moved' WHERE tenant_id = :'b';

-- Every kind of value reaches the log as its output function writes it; what did not change does not.
SET SESSION AUTHORIZATION wall_owner;
CREATE TYPE wall.mood AS ENUM ('well', 'un"well');
CREATE TYPE wall.pair AS (a int, b text);
CREATE DOMAIN wall.positive AS int CHECK (VALUE > 0);
CREATE TABLE wall.kinds (
  tenant_id uuid NOT NULL DEFAULT factory.tenant_id(), gone text, id int, "Key" text, mood wall.mood, pair wall.pair, positive wall.positive, list int[],
  moods wall.mood[], pairs wall.pair[], span int4range, spans int4multirange, number numeric, real float8, bytes bytea, doc jsonb, raw json, moment timestamptz, day date,
  long interval, flag boolean, long_text text, made int GENERATED ALWAYS AS (id * 2) STORED, PRIMARY KEY (tenant_id, id, "Key"));
ALTER TABLE wall.kinds DROP COLUMN gone, ALTER COLUMN long_text SET STORAGE EXTERNAL;
GRANT SELECT, INSERT, UPDATE, DELETE ON wall.kinds TO factory_app;
SELECT factory.protect('wall.kinds');
\c - app_login
BEGIN;
SELECT factory.sign_in(:'cay', :'a') = :'a' AS signed_in;
INSERT INTO wall.kinds VALUES (factory.tenant_id(), 1, 'k"1', 'un"well', (1, 'x "y"'), 5, '{1,NULL,3}', '{well,NULL}', ARRAY[(1, 'a,b')::wall.pair], '[1,5)', '{[1,2),[3,4)}',
  'NaN', '-Infinity', '\x00ff', '{"a": [1, "é"]}', '{"kept":  "as is"}', '2024-02-29 12:00:00.5+00', '2024-02-29', '1 day 2 hours', true, repeat('x', 100000));
UPDATE wall.kinds SET flag = false;
UPDATE wall.kinds SET flag = NULL, mood = NULL;
UPDATE wall.kinds SET long_text = long_text || 'y';
COMMIT;
\c - postgres
SELECT target_id, after - 'long_text' AS after, length(after->>'long_text') FROM wall.log WHERE action = 'kinds.created';
SELECT before - 'long_text' AS before, after - 'long_text' AS after, length(before->>'long_text') AS was, length(after->>'long_text') AS is
FROM wall.log WHERE action = 'kinds.updated' ORDER BY id;

-- A cast of the app from its enum to json has no part in it, nor has a domain's check.
SET SESSION AUTHORIZATION wall_owner;
CREATE SEQUENCE wall.spied;
GRANT USAGE ON SEQUENCE wall.spied TO PUBLIC;
CREATE FUNCTION wall.spy(wall.mood) RETURNS json LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('wall.spied'); RETURN '"spied"'; END $$;
CREATE CAST (wall.mood AS json) WITH FUNCTION wall.spy(wall.mood) AS IMPLICIT;
SELECT to_json('well'::wall.mood), nextval('wall.spied') > 0 AS called;
SELECT setval('wall.spied', 1, false);
\c - app_login
BEGIN;
SELECT factory.sign_in(:'cay', :'a') = :'a' AS signed_in;
INSERT INTO wall.kinds (id, "Key", mood) VALUES (2, 'cast', 'well');
COMMIT;
\c - postgres
SELECT after->'mood' AS mood FROM wall.log WHERE target_id = '2,cast';
SELECT is_called AS spied FROM wall.spied;

-- References between protected tables: deleting cascades inside the workspace, and each row that goes is in the log.
SET SESSION AUTHORIZATION wall_owner;
CREATE TABLE wall.orders (tenant_id uuid NOT NULL DEFAULT factory.tenant_id(), id int, PRIMARY KEY (tenant_id, id));
CREATE TABLE wall.items (tenant_id uuid NOT NULL DEFAULT factory.tenant_id(), id int, order_id int, PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, order_id) REFERENCES wall.orders ON DELETE CASCADE);
GRANT SELECT, INSERT, UPDATE, DELETE ON wall.orders, wall.items TO factory_app;
SELECT factory.protect('wall.orders'), factory.protect('wall.items');
RESET SESSION AUTHORIZATION;
INSERT INTO wall.orders VALUES (:'b', 1);
\c - app_login
BEGIN;
SELECT factory.sign_in(:'cay', :'a') = :'a' AS signed_in;
SAVEPOINT s;
-- An order of another workspace is as good as none.
INSERT INTO wall.items (id, order_id) VALUES (1, 1);
ROLLBACK TO s;
INSERT INTO wall.orders VALUES (DEFAULT, 1);
INSERT INTO wall.items (id, order_id) VALUES (1, 1), (2, 1);
DELETE FROM wall.orders;
SELECT count(*) FROM wall.items;
COMMIT;
\c - postgres
SELECT action, actor, target_id FROM wall.log WHERE target_type IN ('wall.orders', 'wall.items') AND action ~ 'deleted' ORDER BY target_type, target_id;

-- Partitions: each guards itself. One that comes later is guarded through its parent only, which lint() reports and mends.
SET SESSION AUTHORIZATION wall_owner;
CREATE TABLE wall.events (tenant_id uuid NOT NULL DEFAULT factory.tenant_id(), day int, PRIMARY KEY (tenant_id, day)) PARTITION BY RANGE (day);
CREATE TABLE wall.events_1 PARTITION OF wall.events FOR VALUES FROM (0) TO (10);
GRANT SELECT, INSERT, UPDATE, DELETE ON wall.events, wall.events_1 TO factory_app;
SELECT factory.protect('wall.events');
CREATE TABLE wall.events_2 PARTITION OF wall.events FOR VALUES FROM (10) TO (20);
CREATE TABLE wall.events_3 (tenant_id uuid NOT NULL, day int NOT NULL);
ALTER TABLE wall.events ATTACH PARTITION wall.events_3 FOR VALUES FROM (20) TO (30);
RESET SESSION AUTHORIZATION;
SELECT relation::regclass, guarded, policies, audited FROM wall.shape WHERE relation::regclass::text ~ 'events' ORDER BY 1;
SELECT rule, object FROM factory.lint() WHERE object ~ '^wall.events' AND rule !~ 'policy';
\pset tuples_only on
SET client_min_messages = warning;
SELECT fix FROM factory.lint() WHERE object ~ '^wall.events' AND fix LIKE '%;' \gexec
RESET client_min_messages;
\pset tuples_only off
SELECT relation::regclass, guarded, policies, audited FROM wall.shape WHERE relation::regclass::text ~ 'events' ORDER BY 1;
SELECT rule FROM factory.lint() WHERE object ~ '^wall.events';
GRANT SELECT ON wall.events_2, wall.events_3 TO factory_app;
INSERT INTO wall.events VALUES (:'b', 1), (:'b', 11), (:'b', 21);
\c - app_login
SELECT (SELECT count(*) FROM wall.events), (SELECT count(*) FROM wall.events_1), (SELECT count(*) FROM wall.events_2), (SELECT count(*) FROM wall.events_3);
BEGIN;
SELECT factory.sign_in(:'cay', :'a') = :'a' AS signed_in;
INSERT INTO wall.events (day) VALUES (2), (12), (22);
INSERT INTO wall.events_1 (day) VALUES (3);
UPDATE wall.events SET day = 14 WHERE day = 2;
UPDATE wall.events SET day = 13 WHERE day = 3;
SELECT tableoid::regclass, day FROM wall.events ORDER BY day;
SELECT count(*) FROM wall.events_1;
ROLLBACK;

\c - postgres
-- unprotect() takes all of it away but the column and the reference; protecting again is possible.
SET SESSION AUTHORIZATION wall_owner;
SELECT factory.unprotect('wall.events');
SELECT count(*) FROM factory.protected_tables WHERE relation = 'wall.events'::regclass;
RESET SESSION AUTHORIZATION;
SELECT relation::regclass, guarded, policies, audited, referring FROM wall.shape WHERE relation::regclass::text ~ 'events' ORDER BY 1;
SET SESSION AUTHORIZATION wall_owner;
SELECT factory.protect('wall.events');
RESET SESSION AUTHORIZATION;
SELECT relation::regclass, guarded, policies, audited FROM wall.shape WHERE relation::regclass::text ~ 'events' ORDER BY 1;

-- A protected table that is dropped, by itself or with its schema or owner, leaves the registry and an event.
SET SESSION AUTHORIZATION wall_owner;
DROP TABLE wall.orders CASCADE;
RESET SESSION AUTHORIZATION;
BEGIN;
DROP TABLE wall.items;
ROLLBACK;
SELECT relation FROM factory.protected_tables WHERE relation::text ~ 'orders|items';
DROP SCHEMA wall CASCADE;
SELECT relation FROM factory.protected_tables;
SELECT action, outcome, actor_id, target_id FROM factory.platform_events WHERE action = 'table.dropped' AND target_id ~ '^wall\.(orders|items|stock|events)$'
ORDER BY id DESC LIMIT 4;
DROP ROLE wall_owner;
