CREATE OR REPLACE FUNCTION factory.job_registry()
RETURNS TABLE (name text, does text, schedule text, scope text, batch bigint, time_limit integer, jobs_enabled boolean)
LANGUAGE c STABLE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_job_registry';
COMMENT ON FUNCTION factory.job_registry() IS
  'Every job of the platform: its schedule (five fields, UTC), whether it goes through the workspaces or not, rows at once, seconds a run may take, and whether jobs are on at all. For factory_operator.';

CREATE VIEW factory.jobs WITH (security_barrier) AS
  SELECT r.name, r.does, r.schedule, r.scope, r.batch, r.time_limit, r.jobs_enabled AND p.job IS NULL AS enabled,
         p.reason AS paused_for, p.paused_by, p.paused_at, l.started_at AS last_started_at, l.outcome AS last_outcome,
         l.rows AS last_rows, l.error AS last_error
  FROM factory.job_registry() r
  LEFT JOIN factory.job_pauses p ON p.job = r.name
  LEFT JOIN LATERAL (SELECT j.started_at, j.outcome, j.rows, j.error FROM factory.job_runs j
                     WHERE j.job = r.name AND j.workspace IS NULL AND NOT j.dry_run
                     ORDER BY j.started_at DESC LIMIT 1) l ON true;
COMMENT ON VIEW factory.jobs IS 'The jobs of the platform, whether they are on, and what the last run came to.';

CREATE VIEW factory.job_log WITH (security_barrier) AS
  SELECT j.id, j.job, j.trigger, j.workspace, j.dry_run, j.started_at, j.ended_at, j.outcome, j.rows, j.error
  FROM factory.job_runs j;
COMMENT ON VIEW factory.job_log IS 'Runs of jobs: good ones of the last 7 days, failed ones of the last 30.';

CREATE OR REPLACE FUNCTION factory.run_job(name text, dry_run boolean DEFAULT false) RETURNS factory.job_result
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_run_job';
COMMENT ON FUNCTION factory.run_job(text, boolean) IS
  'Runs a job now, paused or not; dry_run: counts and changes nothing. A failure is told in the result. Errors: not_found, job_running. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.run_tenant_job(name text, dry_run boolean DEFAULT false) RETURNS factory.job_result
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_run_tenant_job';
COMMENT ON FUNCTION factory.run_tenant_job(text, boolean) IS
  'Runs a job for the workspace of the context alone, where it is one that goes through workspaces. Errors: not_found, forbidden, job_running. For workspace.manage.';

CREATE OR REPLACE FUNCTION factory.run_scheduled_job(name text) RETURNS text
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_run_scheduled_job';
COMMENT ON FUNCTION factory.run_scheduled_job(text) IS
  'Runs a job whose time has come and says what it came to: succeeded, partial or failed; done_before, running, paused or off where it did not run. Error: not_found. For factory_jobs, through pg_cron.';

CREATE OR REPLACE FUNCTION factory.tick() RETURNS integer
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_tick';
COMMENT ON FUNCTION factory.tick() IS
  'Runs the jobs whose time has come, for as long as one may take, and returns how many: for servers without pg_cron, beside it without harm. For factory_edge and factory_jobs.';

CREATE OR REPLACE FUNCTION factory.pause_job(name text, reason text) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_pause_job';
COMMENT ON FUNCTION factory.pause_job(text, text) IS
  'Keeps a job from being started by its schedule. reason: 1 to 200 characters. Errors: not_found, validation_failed. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.resume_job(name text) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_resume_job';
COMMENT ON FUNCTION factory.resume_job(text) IS 'Ends a pause. Error: not_found. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.install_jobs() RETURNS TABLE (job text, done text)
LANGUAGE c VOLATILE SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_install_jobs';
COMMENT ON FUNCTION factory.install_jobs() IS
  'Schedules every job in pg_cron as factory_jobs, and mends what has drifted; done: scheduled, repaired, unchanged or removed. Running it again changes nothing. Errors: forbidden, not_in_this_context (no pg_cron in this database). For superusers.';

CREATE OR REPLACE FUNCTION factory.jobs_missed()
RETURNS TABLE (job text, last_good timestamptz, cause text, hint text)
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_jobs_missed';
COMMENT ON FUNCTION factory.jobs_missed() IS
  'Jobs that have not finished well for two of their times, and why: disabled, paused, failing, no_scheduler, role_gone, not_scheduled, wrong_node, changed, launcher_gone, server_down or not_run. For factory_operator.';

SELECT factory.declare('factory.job_registry()', 'Jobs of the platform', '{factory_operator}', scope => 'global');
SELECT factory.declare('factory.run_job(text, boolean)', 'Run a job', '{factory_operator}', scope => 'global', audit_action => 'job.ran');
SELECT factory.declare('factory.run_tenant_job(text, boolean)', 'Run a job for this workspace', method => 'POST', path => '/v1/jobs/{name}/run',
  requires => 'workspace.manage', audit_action => 'job.ran', problems => '{job_running}', nullable => '{error}');
SELECT factory.declare('factory.run_scheduled_job(text)', 'Run a job by its schedule', '{factory_jobs}', scope => 'global');
SELECT factory.declare('factory.tick()', 'Run the jobs that are due', '{factory_edge,factory_jobs}', scope => 'global');
SELECT factory.declare('factory.pause_job(text, text)', 'Pause a job', '{factory_operator}', scope => 'global', audit_action => 'job.paused');
SELECT factory.declare('factory.resume_job(text)', 'End the pause of a job', '{factory_operator}', scope => 'global', audit_action => 'job.resumed');
SELECT factory.declare('factory.install_jobs()', 'Schedule the jobs in pg_cron', '{factory_operator}', scope => 'global');
SELECT factory.declare('factory.jobs_missed()', 'Jobs that did not run', '{factory_operator}', scope => 'global');
