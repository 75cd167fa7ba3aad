CREATE VIEW factory.plans WITH (security_barrier) AS
  SELECT p.id AS plan, p.rank, p.title, l.metric, l."limit"
  FROM factory.plan_records p
  LEFT JOIN LATERAL (SELECT DISTINCT ON (o.metric) o.metric, o."limit" FROM factory.plan_limits o
                     WHERE o.plan = p.id ORDER BY o.metric, o.shipped) l ON true;
COMMENT ON VIEW factory.plans IS 'What each plan allows, a row for each limit; null: without limit. For apps and operators.';

CREATE OR REPLACE FUNCTION factory.quota_use(metric text, amount bigint DEFAULT 1) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_quota_use';
COMMENT ON FUNCTION factory.quota_use(text, bigint) IS
  'Uses an amount of the workspace''s plan, exactly up to the limit however many do it at once. metric: records, storage_bytes, ai_usd_month (pico-dollars) or ai_requests_day; amount: 0 to 10^17. Errors: plan_limit, validation_failed. For workspace.view.';

CREATE OR REPLACE FUNCTION factory.quota_return(metric text, amount bigint DEFAULT 1) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_quota_return';
COMMENT ON FUNCTION factory.quota_return(text, bigint) IS
  'Gives back what was used of records or storage_bytes. amount: 0 to 10^17; an account does not fall below 0. Error: validation_failed. For workspace.view.';

CREATE OR REPLACE FUNCTION factory.quota_reserve(metric text, amount bigint, ttl integer DEFAULT 600) RETURNS uuid
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_quota_reserve';
COMMENT ON FUNCTION factory.quota_reserve(text, bigint, integer) IS
  'Sets an amount aside before it is known what will be used, and returns the reservation. ttl: seconds until it lapses unsettled, 1 to 86400; metric and amount as of quota_use. Errors: plan_limit, validation_failed. For workspace.view.';

CREATE OR REPLACE FUNCTION factory.quota_settle(id uuid, actual bigint) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_quota_settle';
COMMENT ON FUNCTION factory.quota_settle(uuid, bigint) IS
  'Ends a reservation with what was really used, more or less; counts in the period of the reservation, also up to a day after it lapsed. Errors: reservation_gone, validation_failed. For workspace.view.';

CREATE OR REPLACE FUNCTION factory.quota_release(id uuid) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_quota_release';
COMMENT ON FUNCTION factory.quota_release(uuid) IS 'Ends a reservation of which nothing was used. Error: reservation_gone. For workspace.view.';

CREATE OR REPLACE FUNCTION factory.usage(OUT plan text, OUT metrics json)
LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_usage';
COMMENT ON FUNCTION factory.usage() IS
  'The plan of the workspace and for each metric what is used, reserved and allowed, when the period ends (UTC), and what will have been used then at this pace. For workspace.view.';

CREATE OR REPLACE FUNCTION factory.set_plan(plan text, title text, rank integer) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_set_plan';
COMMENT ON FUNCTION factory.set_plan(text, text, integer) IS
  'Makes a plan, without limits at first, or changes title and rank of one that was made so. rank: plans with a higher one are proposed where this is too small (shipped: 10, 20, 30). Errors: conflict (a shipped plan), validation_failed. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.set_plan_limit(plan text, metric text, "limit" bigint) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_set_plan_limit';
COMMENT ON FUNCTION factory.set_plan_limit(text, text, bigint) IS
  'Sets what a plan allows of a metric; null: without limit. What is used already stays. Errors: not_found, validation_failed. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.drop_plan(plan text) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_drop_plan';
COMMENT ON FUNCTION factory.drop_plan(text) IS 'Removes a plan that set_plan made, no workspace has and no rate policy names. Errors: not_found, conflict. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.set_tenant_plan(tenant uuid, plan text) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_set_tenant_plan';
COMMENT ON FUNCTION factory.set_tenant_plan(uuid, text) IS
  'Gives a workspace another plan; it counts from the next call. Errors: tenant_not_found, not_found. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.flush_requests(OUT tenants bigint, OUT requests bigint, OUT missed bigint)
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_flush_requests';
COMMENT ON FUNCTION factory.flush_requests() IS
  'Brings the requests that were counted in memory to the accounts of their workspaces; zeros while another session is at it. missed: requests that found no room to be counted in. For factory_jobs and factory_operator.';

SELECT factory.declare('factory.quota_use(text, bigint)', 'Use some of the plan', requires => 'workspace.view', reply => 'none');
SELECT factory.declare('factory.quota_return(text, bigint)', 'Give back some of the plan', requires => 'workspace.view', reply => 'none');
SELECT factory.declare('factory.quota_reserve(text, bigint, integer)', 'Set some of the plan aside', requires => 'workspace.view');
SELECT factory.declare('factory.quota_settle(uuid, bigint)', 'Settle a reservation', requires => 'workspace.view', reply => 'none');
SELECT factory.declare('factory.quota_release(uuid)', 'Release a reservation', requires => 'workspace.view', reply => 'none');
SELECT factory.declare('factory.usage()', 'What this workspace uses of its plan', method => 'GET', path => '/v1/usage', requires => 'workspace.view',
  schemas => '{"metrics": {"type":"array","items":{"type":"object","properties":{"metric":{"type":"string"},"unit":{"type":"string"},
    "used":{"type":"integer"},"reserved":{"type":"integer"},"limit":{"type":["integer","null"]},
    "period_start":{"type":["string","null"],"format":"date-time"},"period_end":{"type":["string","null"],"format":"date-time"},
    "forecast":{"type":["integer","null"]}},"required":["metric","unit","used","reserved","limit","period_start","period_end","forecast"]}}}');
SELECT factory.declare('factory.set_plan(text, text, integer)', 'Make or change a plan', '{factory_operator}', scope => 'global', reply => 'none',
  audit_action => 'plan.updated');
SELECT factory.declare('factory.set_plan_limit(text, text, bigint)', 'Set a limit of a plan', '{factory_operator}', scope => 'global', reply => 'none',
  audit_action => 'plan.limit_set');
SELECT factory.declare('factory.drop_plan(text)', 'Remove a plan', '{factory_operator}', scope => 'global', reply => 'none', audit_action => 'plan.deleted');
SELECT factory.declare('factory.set_tenant_plan(uuid, text)', 'Give a workspace another plan', '{factory_operator}', scope => 'global', reply => 'none',
  audit_action => 'tenant.plan_changed');
SELECT factory.declare('factory.flush_requests()', 'Bring counted requests to the accounts', '{factory_jobs,factory_operator}', scope => 'global');
