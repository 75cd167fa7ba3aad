CREATE OR REPLACE FUNCTION factory.throttle(
  key text, burst integer, count integer, period integer, cost integer DEFAULT 1,
  OUT limited boolean, OUT "limit" integer, OUT remaining integer, OUT retry_after integer, OUT reset_after integer)
LANGUAGE c VOLATILE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'factory_throttle';
COMMENT ON FUNCTION factory.throttle(text, integer, integer, integer, integer) IS
  'Counts a call under a key: count calls in period seconds on average, burst of them at once (GCRA). cost: what this one weighs, 0 only looks. limited: refuse it; limit: burst; remaining: how many would pass now; retry_after, reset_after: seconds, rounded up, until one of this cost passes and until the whole burst is back. Outlives ROLLBACK. Keys of a signed-in workspace are its own. Error: validation_failed. For apps.';

SELECT factory.declare('factory.throttle(text, integer, integer, integer, integer)', 'Limit calls of your own', scope => 'global');
