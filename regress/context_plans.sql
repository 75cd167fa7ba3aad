-- Plans, cursors and workers made in one context show nothing in another.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
SET SESSION AUTHORIZATION wall_owner;
CREATE TABLE wall.many (id integer NOT NULL, tenant_id uuid NOT NULL, padding text, PRIMARY KEY (tenant_id, id));
INSERT INTO wall.many SELECT n, CASE WHEN n <= 30000 THEN :'a' ELSE :'b' END::uuid, repeat('x', 100) FROM generate_series(1, 70000) n;
GRANT SELECT ON wall.many TO factory_app;
CREATE FUNCTION wall.spy(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'seen: %', $1; RETURN true; END $$;
CREATE FUNCTION wall.uses_workers(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
  RETURN plan::text LIKE '%"Workers Planned": 4%' AND plan::text LIKE '%"Parallel Aware": true%';
END
$$;
CREATE VIEW wall.all_notes WITH (security_invoker) AS SELECT id, title FROM wall.notes;
GRANT SELECT ON wall.all_notes TO factory_app;
RESET SESSION AUTHORIZATION;
SELECT factory.protect('wall.many');
\c - postgres
ANALYZE wall.many;
\c - app_login

-- Workers see the rows of the leader's workspace, with the leader taking part or not.
SET max_parallel_workers_per_gather = 4;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET min_parallel_index_scan_size = 0;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SET enable_bitmapscan = off;
BEGIN;
SELECT factory.sign_in(:'ben', :'a') = :'a' AS signed_in;
SELECT count(*), count(DISTINCT tenant_id), min(id), max(id), bool_and(tenant_id = :'a') AS of_a FROM wall.many;
SET LOCAL parallel_leader_participation = off;
SELECT wall.uses_workers('SELECT count(*) FROM wall.many WHERE padding <> $$$$');
SELECT count(*), min(id), max(id) FROM wall.many;
SELECT count(*) FROM wall.many WHERE factory.can('workspace.view') AND factory.role_name() = 'viewer' AND padding <> '';
COMMIT;
BEGIN;
SELECT factory.sign_in(:'ben', :'b') = :'b' AS signed_in;
SET LOCAL parallel_leader_participation = off;
SELECT count(*), min(id), max(id) FROM wall.many;
SELECT count(*) FROM wall.many WHERE factory.can('members.manage') AND factory.role_name() = 'owner' AND padding <> '';
COMMIT;
SET parallel_leader_participation = off;
SELECT count(*) FROM wall.many;
-- Session-long, then out of it.
SELECT factory.sign_in(:'ben', :'b', true) = :'b' AS signed_in;
SELECT count(*), min(id) FROM wall.many;
BEGIN;
SELECT factory.sign_out();
SELECT count(*), min(id) FROM wall.many;
ROLLBACK;
SELECT count(*), min(id) FROM wall.many;
BEGIN;
SAVEPOINT s;
SELECT factory.sign_out();
ROLLBACK TO s;
SELECT count(*), min(id) FROM wall.many;
COMMIT;
\setenv PGDATABASE :DBNAME
\setenv BEN :ben_id
\! psql -X -q -U postgres -c "UPDATE factory.sessions SET ended_at = now() WHERE user_id = '$BEN'"
SELECT count(*), min(id) FROM wall.many;
\! psql -X -q -U postgres -c "UPDATE factory.sessions SET ended_at = NULL WHERE user_id = '$BEN'"
SELECT factory.sign_out();
RESET ALL;

-- Prepared statements of either kind across contexts.
PREPARE notes AS SELECT title FROM wall.notes ORDER BY id;
PREPARE by_id(integer) AS SELECT title FROM wall.notes WHERE id = $1;
PREPARE people AS SELECT count(*) FROM factory.list_members();
PREPARE write(integer) AS INSERT INTO wall.notes (id, title) VALUES ($1, 'written') RETURNING tenant_id = factory.tenant_id() AS here;
SET plan_cache_mode = force_generic_plan;
BEGIN;
SELECT factory.sign_in(:'ben', :'b') = :'b' AS signed_in;
EXECUTE notes;
EXECUTE by_id(1);
EXECUTE people;
EXECUTE write(8);
ROLLBACK;
EXECUTE notes;
EXECUTE by_id(1);
EXECUTE people;
EXECUTE write(8);
BEGIN;
SELECT factory.sign_in(:'ben', :'a') = :'a' AS signed_in;
EXECUTE notes;
EXECUTE by_id(1);
EXECUTE people;
EXECUTE write(8);
ROLLBACK;
SET plan_cache_mode = force_custom_plan;
BEGIN;
SELECT factory.sign_in(:'ben', :'b') = :'b' AS signed_in;
EXECUTE by_id(1);
COMMIT;
EXECUTE by_id(1);
EXECUTE people;
RESET plan_cache_mode;
-- A plan made in the context, used without.
BEGIN;
SELECT factory.sign_in(:'ben', :'b') = :'b' AS signed_in;
PREPARE late AS SELECT title, factory.role_name() FROM wall.notes;
EXECUTE late;
COMMIT;
EXECUTE late;
DEALLOCATE ALL;

-- Functions keep their plans, too.
\c - postgres
SET SESSION AUTHORIZATION wall_owner;
CREATE FUNCTION wall.titles() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT string_agg(title, ', ' ORDER BY id) FROM wall.notes); END $$;
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ben', :'a') = :'a' AS signed_in;
SELECT wall.titles();
COMMIT;
SELECT wall.titles();
BEGIN;
SELECT factory.sign_in(:'ben', :'b') = :'b' AS signed_in;
SELECT wall.titles();
COMMIT;

-- A cursor opened before the sign-in, and one that outlives the sign-out of its transaction.
BEGIN;
DECLARE early CURSOR FOR SELECT title FROM wall.notes ORDER BY id;
FETCH early;
SELECT factory.sign_in(:'ben', :'b') = :'b' AS signed_in;
FETCH ALL early;
DECLARE later CURSOR FOR SELECT factory.tenant_id() IS NOT NULL AS signed_in, factory.can('workspace.view') FROM generate_series(1, 3);
FETCH later;
SELECT factory.sign_out();
FETCH later;
COMMIT;
FETCH later;
BEGIN;
SELECT factory.sign_in(:'ben', :'b') = :'b' AS signed_in;
DECLARE held CURSOR WITH HOLD FOR SELECT title FROM wall.notes;
ROLLBACK;

-- No function of a caller, however cheap it says it is, sees a row before the wall does.
BEGIN;
SELECT factory.sign_in(:'ben', :'a') = :'a' AS signed_in;
SET LOCAL enable_seqscan = off; -- what is seen is said in the order of the keys
SET LOCAL enable_hashjoin = off;
SELECT count(*) FROM wall.notes WHERE wall.spy(title);
SELECT count(*) FROM wall.all_notes WHERE wall.spy(title);
SELECT count(*) FROM factory.members WHERE wall.spy(name);
SELECT count(*) FROM factory.tenants WHERE wall.spy(name);
SAVEPOINT s;
UPDATE wall.notes SET title = 'mine' WHERE wall.spy(title);
ROLLBACK TO s;
DELETE FROM wall.notes WHERE wall.spy(title);
ROLLBACK TO s;
COPY wall.notes (id, title) TO STDOUT;
COMMIT;
SELECT count(*) FROM wall.notes WHERE wall.spy(title);
COPY wall.notes (id, title) TO STDOUT;

\c - postgres
\i :leave
