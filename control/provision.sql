-- What a server needs beside the extension: the extension itself, two logins, and less for everybody.
-- Run at each start; running it again changes nothing.

SET client_min_messages = warning;
SET log_min_error_statement = panic;
SET log_min_messages = warning;
\getenv app_password APP_PASSWORD
\getenv edge_password EDGE_PASSWORD

SELECT NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') AS no_cron,
       NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'platform_factory') AS no_factory,
       NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app_login') AS no_login \gset
\if :no_cron
CREATE EXTENSION pg_cron;
\endif
\if :no_factory
CREATE EXTENSION platform_factory;
\else
ALTER EXTENSION platform_factory UPDATE;
\endif
\if :no_login
CREATE ROLE app_login IN ROLE factory_app;
\endif

ALTER ROLE app_login LOGIN PASSWORD :'app_password';
ALTER ROLE factory_edge LOGIN PASSWORD :'edge_password';
ALTER ROLE factory_jobs LOGIN;

SELECT format('ALTER ROLE %I SET %s', login, setting)
  FROM unnest(ARRAY['app_login', 'factory_edge']) AS login,
       unnest(ARRAY['statement_timeout = ''30s''', 'idle_in_transaction_session_timeout = ''60s''',
                    'track_activities = off', 'jit = off', 'log_min_duration_statement = -1']) AS setting \gexec
ALTER ROLE factory_edge SET log_min_error_statement = panic;

-- pg_cron runs the jobs, and the months of the audit log begin with tables of their own.
DO $$ BEGIN PERFORM factory.install_jobs(); END $$;
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM factory.job_log WHERE job = 'make_audit_partitions') THEN
    PERFORM factory.run_job('make_audit_partitions');
  END IF;
END
$$;

-- Temporary tables and large objects carry rows from one workspace to the next in a pooled session.
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', oid::regprocedure)
  FROM pg_proc
 WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^(lo_|loread$|lowrite$)'
   AND (proacl IS NULL OR EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0)) \gexec
