-- A declared function passes the gate at its start, in whatever language it is written and by whatever way it is reached.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
SET SESSION AUTHORIZATION wall_owner;
CREATE FUNCTION wall.in_sql(n integer) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
  RETURN 'ran: ' || n;
CREATE FUNCTION wall.in_plpgsql(n integer) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
  AS $$ BEGIN RETURN 'ran: ' || n; END $$;
CREATE FUNCTION wall.many() RETURNS SETOF text LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT title FROM wall.notes ORDER BY id;
END;
CREATE FUNCTION wall.plain(n integer) RETURNS text LANGUAGE sql STABLE
  RETURN 'ran: ' || n;
-- Plans that have inlined a function before it is declared.
\c - app_login
PREPARE one AS SELECT wall.plain(1);
PREPARE rows AS SELECT * FROM wall.many();
EXECUTE one;
EXECUTE rows;
\setenv PGDATABASE :DBNAME
\! psql -X -q -t -A -U postgres -c "SELECT factory.route_add('wall.in_sql(integer)', 'POST', '/v1/app/sql', 'One', requires => 'records.write')" >/dev/null
\! psql -X -q -t -A -U postgres -c "SELECT factory.route_add('wall.in_plpgsql(integer)', 'POST', '/v1/app/plpgsql', 'Two', requires => 'records.write')" >/dev/null
\! psql -X -q -t -A -U postgres -c "SELECT factory.route_add('wall.many()', 'GET', '/v1/app/many', 'Three', requires => 'records.write')" >/dev/null
\! psql -X -q -t -A -U postgres -c "SELECT factory.route_add('wall.plain(integer)', 'GET', '/v1/app/plain', 'Four', requires => 'records.write')" >/dev/null
EXECUTE one;
EXECUTE rows;

-- Nobody, a viewer, a member of staff.
SELECT wall.in_sql(1);
SELECT wall.in_plpgsql(1);
SELECT * FROM wall.many();
SELECT wall.many();
SELECT * FROM factory.list_members();
SELECT factory.get_tenant();
SELECT (factory.get_tenant()).name;
SELECT * FROM factory.audit_logs();
SELECT factory.create_tenant('Mine');
SELECT factory.update_tenant(name => 'Mine');
SELECT factory.me();
SELECT factory.logout();
BEGIN;
SELECT factory.sign_in(:'ben', :'a') = :'a' AS signed_in;
SAVEPOINT s;
SELECT wall.in_sql(1);
ROLLBACK TO s;
SELECT wall.in_plpgsql(1);
ROLLBACK TO s;
SELECT * FROM wall.many();
ROLLBACK TO s;
EXECUTE rows;
ROLLBACK TO s;
SELECT * FROM factory.audit_logs();
ROLLBACK TO s;
SELECT name FROM factory.list_members() ORDER BY name;
COMMIT;
BEGIN;
SELECT factory.sign_in(:'cay', :'a') = :'a' AS signed_in;
SELECT wall.in_sql(1), wall.in_plpgsql(2), wall.plain(3);
SELECT * FROM wall.many();
EXECUTE one;
EXECUTE rows;
COMMIT;
EXECUTE one;
EXECUTE rows;

-- Round about: through what an app's owner can hang a function on.
\c - postgres
SET SESSION AUTHORIZATION wall_owner;
CREATE FUNCTION wall.wrapped() RETURNS text LANGUAGE sql STABLE RETURN wall.in_sql(4);
CREATE FUNCTION wall.definer() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER RETURN wall.in_plpgsql(5);
CREATE VIEW wall.seen AS SELECT wall.in_sql(6) AS text;
CREATE VIEW wall.people AS SELECT name FROM factory.list_members();
CREATE TABLE wall.log (text text DEFAULT wall.in_plpgsql(7));
CREATE TABLE wall.checked (n integer CHECK (wall.in_plpgsql(n) IS NOT NULL));
CREATE FUNCTION wall.fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.text := wall.in_sql(8); RETURN NEW; END $$;
CREATE TABLE wall.fired (text text);
CREATE TRIGGER fire BEFORE INSERT ON wall.fired FOR EACH ROW EXECUTE FUNCTION wall.fire();
CREATE FUNCTION wall.step(text, integer) RETURNS text LANGUAGE sql SET search_path = pg_catalog, pg_temp RETURN coalesce($1, '') || $2;
SELECT factory.route_add('wall.step(text, integer)', 'POST', '/v1/app/step', 'Step', requires => 'records.write');
CREATE AGGREGATE wall.steps(integer) (SFUNC = wall.step, STYPE = text);
CREATE OPERATOR wall.@@@ (RIGHTARG = integer, FUNCTION = wall.in_sql);
CREATE TYPE wall.number AS (n integer);
CREATE FUNCTION wall.to_text(wall.number) RETURNS text LANGUAGE sql SET search_path = pg_catalog, pg_temp RETURN 'cast: ' || ($1).n;
SELECT factory.route_add('wall.to_text(wall.number)', 'POST', '/v1/app/cast', 'Cast', requires => 'records.write');
CREATE CAST (wall.number AS text) WITH FUNCTION wall.to_text(wall.number);
CREATE DOMAIN wall.gated AS integer CHECK (wall.in_plpgsql(VALUE) IS NOT NULL);
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA wall TO factory_app;
\c - app_login
SELECT wall.wrapped();
SELECT wall.definer();
SELECT * FROM wall.seen;
SELECT * FROM wall.people;
INSERT INTO wall.log DEFAULT VALUES;
INSERT INTO wall.checked VALUES (1);
INSERT INTO wall.fired VALUES ('x');
SELECT wall.steps(n) FROM generate_series(1, 3) n;
SELECT OPERATOR(wall.@@@) 1;
SELECT ROW(1)::wall.number::text;
SELECT 1::wall.gated;
SELECT string_agg(f, ',') FROM LATERAL wall.in_sql(9) f;
SELECT * FROM ROWS FROM (wall.many(), factory.list_members());
SELECT * FROM generate_series(1, 2) WHERE wall.in_sql(1) IS NULL;
DO $$ BEGIN PERFORM wall.in_sql(1); END $$;
EXPLAIN (COSTS OFF, VERBOSE) SELECT wall.in_sql(1);
BEGIN;
SELECT factory.sign_in(:'cay', :'a') = :'a' AS signed_in;
SELECT wall.wrapped(), wall.definer(), (SELECT text FROM wall.seen), (SELECT count(*) FROM wall.people) AS people;
INSERT INTO wall.log DEFAULT VALUES RETURNING text;
INSERT INTO wall.fired VALUES ('x') RETURNING text;
SELECT wall.steps(n), ROW(1)::wall.number::text, 1::wall.gated FROM generate_series(1, 3) n;
PREPARE again AS SELECT wall.wrapped();
EXECUTE again;
-- Signing out closes the gate in the middle of a transaction, and of a function.
SAVEPOINT s;
DO $$
BEGIN
  RAISE NOTICE '%', wall.in_sql(10);
  PERFORM factory.sign_out();
  RAISE NOTICE '%', wall.in_sql(11);
END
$$;
ROLLBACK TO s;
EXECUTE again;
ROLLBACK;
EXECUTE again;

-- Withdrawn from the calls, a function is an ordinary one again.
\c - postgres
SET SESSION AUTHORIZATION wall_owner;
SELECT factory.route_drop('wall.in_sql(integer)');
\c - app_login
SELECT wall.in_sql(12);
SELECT wall.in_plpgsql(12);
-- Made anew under its name, a declared function is gated still.
\c - postgres
SET SESSION AUTHORIZATION wall_owner;
DROP FUNCTION wall.many();
CREATE FUNCTION wall.many() RETURNS text LANGUAGE sql RETURN 'made anew';
\c - app_login
SELECT wall.many();

\c - postgres
\i :leave
