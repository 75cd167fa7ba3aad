-- The setting that carries the context takes no value but from a sign-in: not a forged one, not one that was real before,
-- in no way that sets a setting, by nobody.
\getenv inputs PG_ABS_SRCDIR
\set workspaces :inputs '/sql/include/workspaces.psql'
\i :workspaces
\setenv PGDATABASE :DBNAME
\c - app_login
BEGIN;
SELECT factory.sign_in(:'ben', :'b') = :'b' AS signed_in;
SELECT current_setting('factory.context') AS stolen \gset
SELECT length(:'stolen') > 0 AS stolen;
COMMIT;
SELECT current_setting('factory.context') = '' AS empty;

-- The runtime login has no right to touch it.
SET factory.context = '';
SET factory.context = :'stolen';
SET LOCAL factory.context = :'stolen';
RESET factory.context;
SELECT set_config('factory.context', :'stolen', false);
SELECT set_config('factory.context', NULL, false);
SELECT set_config('FACTORY.Context', :'stolen', true);
UPDATE pg_settings SET setting = :'stolen' WHERE name = 'factory.context';
ALTER ROLE app_login SET factory.context = :'stolen';
ALTER SYSTEM SET factory.context = :'stolen';
ALTER ROLE app_login SET factory.no_such = 'x';
SET factory.no_such = 'x';
SELECT set_config('factory.tenant', :'b', false);
\set options '-c factory.context=' :stolen
\setenv PGOPTIONS :options
\! psql -X -q -U app_login -c 'SELECT count(*) FROM wall.notes' 2>&1 | sed 's/.*FATAL/FATAL/'
\setenv PGOPTIONS

-- With the privilege to set it, and as the superuser, the value itself is refused.
\c - postgres
GRANT SET, ALTER SYSTEM ON PARAMETER factory.context TO app_login;
\setenv STOLEN :stolen
\setenv BEN :ben
\setenv A :a
\! psql -X -a -q -U app_login <"$PG_ABS_SRCDIR/sql/include/forge.psql" 2>&1
\! psql -X -a -q -U postgres <"$PG_ABS_SRCDIR/sql/include/forge.psql" 2>&1
REVOKE SET, ALTER SYSTEM ON PARAMETER factory.context FROM app_login;

-- Nothing that is kept with a role, a database or a function.
ALTER ROLE app_login SET factory.context = :'stolen';
ALTER ROLE app_login SET factory.context = '';
ALTER ROLE app_login IN DATABASE platform SET factory.context = :'stolen';
ALTER ROLE ALL SET factory.context = :'stolen';
ALTER DATABASE platform SET factory.context = :'stolen';
ALTER SYSTEM SET factory.context = :'stolen';
CREATE FUNCTION wall.carry() RETURNS bigint LANGUAGE sql SET factory.context = '' AS 'SELECT count(*) FROM wall.notes';
CREATE FUNCTION wall.carry() RETURNS bigint LANGUAGE sql SET "Factory.Context" = 'x' AS 'SELECT count(*) FROM wall.notes';
CREATE FUNCTION wall.carry() RETURNS bigint LANGUAGE sql SET factory.context FROM CURRENT AS 'SELECT count(*) FROM wall.notes';
CREATE PROCEDURE wall.carry() LANGUAGE sql SET factory.context TO DEFAULT AS 'SELECT 1';
CREATE FUNCTION wall.carry() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM wall.notes';
ALTER FUNCTION wall.carry() SET factory.context = '';
ALTER FUNCTION wall.carry() SET factory.context FROM CURRENT;
ALTER ROUTINE wall.carry() SET factory.context TO DEFAULT;
ALTER FUNCTION wall.carry() RESET ALL;

-- Not even planted in the catalog by hand.
SET allow_system_table_mods = on;
UPDATE pg_db_role_setting SET setconfig = setconfig || ('factory.context=' || :'stolen') WHERE setrole = 'app_login'::regrole;
\! psql -X -q -U app_login -c 'SELECT count(*) FROM wall.notes' 2>&1
UPDATE pg_db_role_setting SET setconfig = array_remove(setconfig, 'factory.context=' || :'stolen') WHERE setrole = 'app_login'::regrole;
UPDATE pg_proc SET proconfig = ARRAY['factory.context=' || :'stolen'] WHERE oid = 'wall.carry'::regproc;
SELECT wall.carry();
UPDATE pg_proc SET proconfig = ARRAY['factory.context='] WHERE oid = 'wall.carry'::regproc;
SELECT wall.carry();
BEGIN;
SELECT factory.sign_in(:'ben', :'b') = :'b' AS signed_in;
SELECT wall.carry();
ROLLBACK;

-- In the transaction of the value itself it is refused as well.
\c - postgres
BEGIN;
SELECT factory.sign_in(:'ben', :'b') = :'b' AS signed_in;
SELECT set_config('factory.context', current_setting('factory.context'), true);
ROLLBACK;

-- No session changes the other settings of the platform, and no file the context.
\c - app_login
SET factory.issuer = 'mine';
SET factory.access_token_seconds = 3600;
SET factory.secrets_file = '/tmp/mine';
-- Servers word this refusal differently.
\set VERBOSITY sqlstate
SHOW factory.secrets_file;
\set VERBOSITY default
SELECT name, context FROM pg_settings WHERE name LIKE 'factory.%' AND context NOT IN ('postmaster', 'sighup') ORDER BY name;
\c - postgres
SET factory.access_token_seconds = 3600;
GRANT SET ON PARAMETER factory.access_token_seconds TO app_login;
\c - app_login
SET factory.access_token_seconds = 3600;
\c - postgres
REVOKE SET ON PARAMETER factory.access_token_seconds FROM app_login;
\i :leave
