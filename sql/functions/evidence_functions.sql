CREATE OR REPLACE FUNCTION factory.evidence_flush(seconds integer DEFAULT 5) RETURNS void
LANGUAGE c VOLATILE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_evidence_flush';
COMMENT ON FUNCTION factory.evidence_flush(integer) IS
  'Waits until the events of everything that was refused up to now are written. seconds: how long, 0 to 600. Errors: validation_failed, evidence_unavailable. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.evidence_status(
  OUT size bigint, OUT waiting bigint, OUT recorded bigint, OUT lost bigint, OUT worker integer)
LANGUAGE c VOLATILE SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_evidence_status';
COMMENT ON FUNCTION factory.evidence_status() IS
  'The evidence in shared memory: places, events that wait to be written, events recorded and events lost for want of room since the server started, and the process id of the background worker (null: it is not connected). For factory_operator.';

CREATE OR REPLACE FUNCTION factory.audit_of(tenant uuid, "limit" integer DEFAULT 25, before_id uuid DEFAULT NULL)
RETURNS SETOF factory.audit_entry
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_audit_of';
COMMENT ON FUNCTION factory.audit_of(uuid, integer, uuid) IS
  'The audit log of a workspace for an operator, newest first; the reading itself stands in that log before the first row is returned. limit: 1 to 1000; before_id: id of the last row seen. Errors: validation_failed, tenant_not_found, evidence_unavailable. For factory_operator.';

SELECT factory.declare('factory.evidence_flush(integer)', 'Wait until refusals are written', '{factory_operator}', scope => 'global');
SELECT factory.declare('factory.evidence_status()', 'Evidence that waits to be written', '{factory_operator}', scope => 'global');
SELECT factory.declare('factory.audit_of(uuid, integer, uuid)', 'Audit log of a workspace, for operators', '{factory_operator}', scope => 'global');
