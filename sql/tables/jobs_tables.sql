CREATE TABLE factory.job_runs (
  id uuid NOT NULL,
  job text NOT NULL,
  trigger text NOT NULL,
  workspace uuid,
  dry_run boolean NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  outcome text NOT NULL,
  rows bigint NOT NULL,
  error text,
  position uuid,
  CONSTRAINT job_runs_pkey PRIMARY KEY (id),
  CONSTRAINT job_runs_outcome_known CHECK (outcome IN ('succeeded', 'partial', 'failed')),
  CONSTRAINT job_runs_trigger_known CHECK (trigger IN ('schedule', 'tick', 'manual'))
);
CREATE INDEX job_runs_job_idx ON factory.job_runs (job, started_at);
COMMENT ON TABLE factory.job_runs IS
  'Runs of jobs that came to an end; position: the workspace after which the next run goes on. Operators read it through factory.job_log.';

CREATE TABLE factory.job_pauses (
  job text NOT NULL,
  reason text NOT NULL,
  paused_by text NOT NULL,
  paused_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  CONSTRAINT job_pauses_pkey PRIMARY KEY (job)
);
COMMENT ON TABLE factory.job_pauses IS 'Jobs that their schedule does not start at the moment.';

SELECT pg_catalog.pg_extension_config_dump('factory.job_runs', '');
SELECT pg_catalog.pg_extension_config_dump('factory.job_pauses', '');

INSERT INTO factory.table_registry (relation, class, shipped) VALUES
  ('factory.job_runs', 'node', true),
  ('factory.job_pauses', 'global', true);

CREATE TYPE factory.job_result AS (job text, outcome text, rows bigint, dry_run boolean, error text);
COMMENT ON TYPE factory.job_result IS
  'What a run of a job came to: succeeded, partial (work is left for the next run) or failed, and how many rows it dealt with.';
