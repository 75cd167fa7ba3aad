-- The seam between C++ and Postgres: what is thrown becomes an error, what is raised can be caught, and nothing is left behind.
-- Each part names what fails it: a guard, or a line of one, taken away.
\getenv place FACTORY_PLACE
\! install -m 644 "$PG_ABS_BUILDDIR/../seam/seam_test.so" "$FACTORY_PLACE/seam_test.so"
\set library :place /seam_test.so
CREATE SCHEMA seam;
SET search_path = seam;
CREATE FUNCTION seam_alive() RETURNS integer LANGUAGE c AS :'library';
CREATE FUNCTION seam_private_memory() RETURNS bigint LANGUAGE c AS :'library';
CREATE FUNCTION seam_throw(kind text) RETURNS void LANGUAGE c AS :'library';
CREATE FUNCTION seam_raise() RETURNS void LANGUAGE c AS :'library';
CREATE FUNCTION seam_run(sql text) RETURNS text LANGUAGE c AS :'library';
CREATE FUNCTION seam_result(size integer, OUT text text, OUT id uuid) LANGUAGE c AS :'library';
CREATE FUNCTION seam_catch(first text, next text) RETURNS text LANGUAGE c AS :'library';
CREATE FUNCTION seam_catch_throw(sql text, kind text) RETURNS text LANGUAGE c AS :'library';
CREATE FUNCTION seam_read(sql text) RETURNS text LANGUAGE c AS :'library';
CREATE FUNCTION seam_scopes(how text) RETURNS text LANGUAGE c AS :'library';
CREATE FUNCTION seam_stacks() RETURNS text LANGUAGE c AS :'library';
CREATE TABLE log (n integer PRIMARY KEY, text text NOT NULL CONSTRAINT short CHECK (length(text) < 10));

-- Out of C++. Without the entry guard the first line ends the server; without one of its clauses the line of that kind tells
-- another SQLSTATE, and without the last one "int" ends the server.
\set SHOW_CONTEXT never
SELECT pg_backend_pid() AS backend \gset
DO $$
DECLARE
  kind text;
  state text;
  message text;
  detail text;
  hint text;
BEGIN
  FOREACH kind IN ARRAY '{problem,bad_alloc,length_error,exception,nested,int}'::text[] LOOP
    BEGIN
      PERFORM seam_throw(kind);
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
      RAISE INFO '%: % % | % | %', kind, state, message, detail, hint;
    END;
  END LOOP;
END
$$;
SELECT seam_throw('problem');
SELECT seam_throw('int');
SELECT seam_throw(NULL);
SELECT seam_alive() AS alive, pg_backend_pid() = :backend AS same_backend;

-- Out of Postgres, through the call guard to the entry guard: every field of the error arrives. Without the call guard the
-- jump passes the counted object, which then stays alive for ever.
DO $$
DECLARE
  state text;
  message text;
  detail text;
  hint text;
  schema_name text;
  table_name text;
  column_name text;
  type_name text;
  constraint_name text;
BEGIN
  PERFORM seam_raise();
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
    schema_name = SCHEMA_NAME, table_name = TABLE_NAME, column_name = COLUMN_NAME, type_name = PG_DATATYPE_NAME,
    constraint_name = CONSTRAINT_NAME;
  RAISE INFO '% % | % | % | %, %, %, %, %', state, message, detail, hint, schema_name, table_name, column_name, type_name, constraint_name;
END
$$;
SELECT seam_alive() AS alive;

-- Errors in SPI, with what they are about. Without SPI_finish() at the end of a Connection the server warns of a level left.
INSERT INTO log VALUES (1, 'one');
SELECT seam_run('SELECT 1/0');
SELECT seam_run('INSERT INTO seam.log VALUES (2, ''much too long'')');
SELECT seam_run('INSERT INTO seam.log VALUES (1, ''again'')');
SELECT seam_run('no sql');
SELECT seam_run('SELECT text FROM seam.log');
SELECT seam_run('SELECT pg_cancel_backend(pg_backend_pid())');
SELECT seam_alive() AS alive;

-- A result outlives the connection that was open when it was made: the call guard leaves the caller's memory context current.
SELECT length(text), text = repeat('x', 300000) AS whole, id FROM seam_result(300000);
SELECT length((seam_result(3000000)).text);

-- Nested both ways, through guards and SPI levels and back.
SELECT seam_run('SELECT seam.seam_run(''SELECT seam.seam_run(''''SELECT 6 * 7'''')'')');
SELECT seam_run('SELECT seam.seam_run(''SELECT seam.seam_raise()'')');
SELECT seam_run('SELECT seam.seam_run(''SELECT seam.seam_throw(''''problem'''')'')');
SELECT seam_run('SELECT seam.seam_catch(''SELECT seam.seam_throw(''''int'''')'', ''SELECT seam.seam_run(''''SELECT 1/0'''')'')');
SELECT seam_catch('SELECT seam.seam_catch(''SELECT 1/0'', ''SELECT seam.seam_raise()'')', 'SELECT ''went on''');
SELECT seam_alive() AS alive;
CREATE FUNCTION deep(n integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  IF n = 0 THEN PERFORM seam.seam_throw('exception'); END IF;
  RETURN seam.seam_catch('SELECT seam.deep(' || n - 1 || ')', 'SELECT ''back to ' || n || '''');
END
$$;
SELECT deep(5);
SELECT seam_alive() AS alive;

-- In a subtransaction: the effect is undone, the transaction goes on, inside a transaction block, too. Without settle() after
-- the rollback the next Connection is never closed and warns of a leak at commit.
SELECT seam_catch('INSERT INTO seam.log VALUES (2, ''two'') RETURNING text', 'SELECT count(*) FROM seam.log');
SELECT seam_catch('INSERT INTO seam.log VALUES (3, ''much too long'')', 'INSERT INTO seam.log VALUES (3, ''three'') RETURNING text');
SELECT seam_catch_throw('INSERT INTO seam.log VALUES (4, ''four'') RETURNING n', 'problem');
SELECT seam_catch_throw('INSERT INTO seam.log VALUES (4, ''four'') RETURNING n', 'bad_alloc');
BEGIN;
SELECT seam_catch('SELECT 1/0', 'INSERT INTO seam.log VALUES (5, ''five'') RETURNING text');
SELECT seam_catch_throw('INSERT INTO seam.log VALUES (6, ''six'') RETURNING n', 'exception');
DECLARE c CURSOR FOR SELECT n FROM log ORDER BY n;
FETCH c;
SELECT seam_catch('SELECT 1/0', 'SELECT 1');
FETCH c;
COMMIT;
SELECT * FROM log ORDER BY n;
SELECT seam_alive() AS alive;

-- A read-only one refuses to write and ends with itself (context_routes has the ways to talk it out of that). Without
-- XactReadOnly the second line writes.
SELECT seam_read('SELECT count(*) FROM seam.log');
SELECT seam_read('INSERT INTO seam.log VALUES (7, ''seven'') RETURNING n');
INSERT INTO log VALUES (7, 'seven');

-- Scopes put back the role, the settings and the variable on every way out. Without a destructor "as before" names what it left.
SET work_mem = '4MB';
SELECT seam_scopes('return');
SELECT seam_scopes('problem');
SELECT seam_scopes('int');
SELECT seam_scopes('raise');
SELECT current_user = session_user AS same_user, current_setting('work_mem') AS work_mem, seam_alive() AS alive;
SELECT seam_stacks();

-- 100,000 errors of every kind in one backend: no object stays, no memory grows by 1 MiB. Without the reset of the carrier, or
-- when the entry guard raises inside its catch block, memory does.
CREATE FUNCTION storm(rounds integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  kinds text[] := '{problem,bad_alloc,exception,int}';
BEGIN
  FOR i IN 1..rounds LOOP
    BEGIN
      IF i % 5 = 4 THEN PERFORM seam.seam_raise(); ELSE PERFORM seam.seam_throw(kinds[i % 5 + 1]); END IF;
    EXCEPTION WHEN OTHERS THEN
      NULL;
    END;
    IF i % 10 = 0 THEN PERFORM seam.seam_catch('SELECT 1/0', 'SELECT 1'); END IF;
  END LOOP;
END
$$;
SELECT storm(2000);
SELECT seam_private_memory() AS before \gset
SELECT sum(total_bytes) AS contexts FROM pg_backend_memory_contexts \gset
SELECT storm(100000);
SELECT seam_private_memory() - :before < 1048576 AS process_stays, sum(total_bytes) - :contexts < 1048576 AS contexts_stay
FROM pg_backend_memory_contexts;
SELECT seam_alive() AS alive, pg_backend_pid() = :backend AS same_backend;

-- Settings are made with kinds and limits, and shared memory holds what was asked for.
SELECT name, context, min_val, max_val, unit FROM pg_settings WHERE name LIKE 'factory.%' AND vartype = 'integer' ORDER BY name;
SELECT name, context FROM pg_settings WHERE name LIKE 'factory.%' AND vartype <> 'integer' ORDER BY name;
SELECT count(*), min(size) > 0 AS has_room FROM pg_shmem_allocations WHERE name = 'factory_password_hashes';
-- A call that fails gives its slot of the password hashes back: more of them than there are slots.
\set VERBOSITY terse
SELECT access_token IS NULL FROM factory.login('nobody@example.com', 'a quite long phrase');
SELECT access_token IS NULL FROM factory.login('nobody@example.com', 'a quite long phrase');
SELECT access_token IS NULL FROM factory.login('nobody@example.com', 'a quite long phrase');
SELECT access_token IS NULL FROM factory.login('nobody@example.com', 'a quite long phrase');
SELECT access_token IS NULL FROM factory.login('nobody@example.com', 'a quite long phrase');
SELECT access_token IS NULL FROM factory.login('nobody@example.com', 'a quite long phrase');
\set VERBOSITY default
SET client_min_messages = warning;
DROP SCHEMA seam CASCADE;
