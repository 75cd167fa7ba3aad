CREATE VIEW factory.outbox WITH (security_barrier) AS
  SELECT m.tenant_id, m.id, m.kind, m.source, m.topic, m.reference, m.destination, m.status, m.attempts, m.last_status,
         m.last_detail, m.created_at, m.next_attempt_at, m.finished_at
  FROM factory.outbox_messages m
  WHERE m.tenant_id = factory.tenant_with('connectors.manage')
  ORDER BY m.id DESC;
COMMENT ON VIEW factory.outbox IS 'Calls out of the workspace of the context: webhooks and mails, waiting, delivered, dead or discarded.';

CREATE VIEW factory.outbound_allowed AS
  SELECT n.network, nullif(n.port, 0) AS port, n.allowed_by, n.allowed_at FROM factory.outbound_networks n;
COMMENT ON VIEW factory.outbound_allowed IS 'Networks that the relays may call besides public addresses over https; port null: every port. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.list_outbox("limit" integer DEFAULT 25, before uuid DEFAULT NULL, status text DEFAULT NULL)
RETURNS TABLE (id uuid, kind text, source text, topic text, reference uuid, destination text, status text, attempts integer,
               last_status integer, last_detail text, created_at timestamptz, next_attempt_at timestamptz, finished_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT m.id, m.kind, m.source, m.topic, m.reference, m.destination, m.status, m.attempts, m.last_status, m.last_detail,
         m.created_at, m.next_attempt_at, m.finished_at
  FROM factory.outbox m
  WHERE m.tenant_id = factory.tenant_id()
    AND m.id < coalesce(before, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
    AND (list_outbox.status IS NULL OR m.status = list_outbox.status)
  ORDER BY m.id DESC
  LIMIT "limit";
END;
COMMENT ON FUNCTION factory.list_outbox(integer, uuid, text) IS
  'Calls out of the workspace, newest first. before: id of the last row seen; status: waiting, delivered, dead or discarded. For connectors.manage.';

CREATE OR REPLACE FUNCTION factory.outbox_retry(id uuid) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_outbox_retry';
COMMENT ON FUNCTION factory.outbox_retry(uuid) IS
  'Makes a message that waits, is dead or was discarded due at once, with all its attempts before it. Errors: not_found, conflict (delivered, or being sent). For connectors.manage.';

CREATE OR REPLACE FUNCTION factory.outbox_discard(id uuid) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_outbox_discard';
COMMENT ON FUNCTION factory.outbox_discard(uuid) IS
  'Gives a message up: it is not sent any more. Errors: not_found, conflict (delivered, or being sent). For connectors.manage.';

CREATE OR REPLACE FUNCTION factory.platform_outbox("limit" integer DEFAULT 100, before uuid DEFAULT NULL)
RETURNS TABLE (id uuid, kind text, source text, topic text, reference uuid, destination text, status text, attempts integer,
               last_status integer, last_detail text, created_at timestamptz, next_attempt_at timestamptz, finished_at timestamptz)
LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_platform_outbox';
COMMENT ON FUNCTION factory.platform_outbox(integer, uuid) IS
  'Calls out that belong to no workspace, newest first. limit: 1 to 1000; before: id of the last row seen. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.platform_outbox_retry(id uuid) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_platform_outbox_retry';
COMMENT ON FUNCTION factory.platform_outbox_retry(uuid) IS 'outbox_retry for a message that belongs to no workspace. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.platform_outbox_discard(id uuid) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_platform_outbox_discard';
COMMENT ON FUNCTION factory.platform_outbox_discard(uuid) IS 'outbox_discard for a message that belongs to no workspace. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.outbox_post(url text, body text, not_before timestamptz DEFAULT NULL) RETURNS uuid
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_outbox_post';
COMMENT ON FUNCTION factory.outbox_post(text, text, timestamptz) IS
  'Queues a POST of JSON that belongs to no workspace, to be sent when this transaction commits or later (not_before); its id, which the receiver gets as Idempotency-Key. Error: validation_failed. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.outbox_claim(worker text, kinds text[], batch integer, lease_seconds integer)
RETURNS TABLE (id uuid, lease uuid, kind text, attempt integer, destination text, sender text, headers text, body bytea)
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_outbox_claim';
COMMENT ON FUNCTION factory.outbox_claim(text, text[], integer, integer) IS
  'Takes up to `batch` (1 to 1000) messages that are due for lease_seconds (1 to 3600): nobody else gets them meanwhile. worker: a name for people; kinds: http, smtp. headers: "Name: value" lines; sender: of a mail. For factory_edge.';

CREATE OR REPLACE FUNCTION factory.outbox_report(id uuid, lease uuid, outcome text, status integer, detail text, retry_after integer)
RETURNS boolean
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_outbox_report';
COMMENT ON FUNCTION factory.outbox_report(uuid, uuid, text, integer, text, integer) IS
  'Says what became of a claimed message; false when the lease is no longer the message''s, and nothing happened. outcome: answered (with status), unreachable, refused (by address) or returned (not tried); detail: up to 300 bytes for people; retry_after: seconds that the receiver asked for. For factory_edge.';

CREATE OR REPLACE FUNCTION factory.outbound_networks() RETURNS TABLE (network text, port integer)
LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_outbound_networks';
COMMENT ON FUNCTION factory.outbound_networks() IS 'What the operators opened to calls out, for the relays; port 0: every port. For factory_edge.';

CREATE OR REPLACE FUNCTION factory.outbox_backlog(OUT waiting bigint, OUT due bigint, OUT oldest_seconds integer)
LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_outbox_backlog';
COMMENT ON FUNCTION factory.outbox_backlog() IS
  'How many messages are not finished, how many of them are due, and for how many seconds the oldest has been. For factory_edge and factory_operator.';

CREATE OR REPLACE FUNCTION factory.outbox_purge(batch integer DEFAULT 1000) RETURNS bigint
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_outbox_purge';
COMMENT ON FUNCTION factory.outbox_purge(integer) IS
  'Removes up to `batch` (1 to 10000) messages that were delivered 7 days ago or given up 30 days ago, and says how many. For factory_edge, factory_jobs and factory_operator.';

CREATE OR REPLACE FUNCTION factory.outbound_allow(network cidr, port integer DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_outbound_allow';
COMMENT ON FUNCTION factory.outbound_allow(cidr, integer) IS
  'Opens a network to calls out of every workspace, over http too and whatever it is: private, loopback, link-local. port: 1 to 65535, null for all. Audited. Error: validation_failed. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.outbound_disallow(network cidr, port integer DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_outbound_disallow';
COMMENT ON FUNCTION factory.outbound_disallow(cidr, integer) IS 'Takes back what outbound_allow opened, given with the same arguments. Audited. Error: not_found. For factory_operator.';

SELECT factory.declare('factory.list_outbox(integer, uuid, text)', 'Calls out of this workspace', method => 'GET', path => '/v1/outbox',
  requires => 'connectors.manage', reply => 'list', page_key => 'id',
  nullable => '{reference,destination,last_status,last_detail,next_attempt_at,finished_at}');
SELECT factory.declare('factory.outbox_retry(uuid)', 'Send a message again', method => 'POST', path => '/v1/outbox/{id}/retry',
  requires => 'connectors.manage', reply => 'none', audit_action => 'outbox.retried', problems => '{conflict}');
SELECT factory.declare('factory.outbox_discard(uuid)', 'Give a message up', method => 'POST', path => '/v1/outbox/{id}/discard',
  requires => 'connectors.manage', reply => 'none', audit_action => 'outbox.discarded', problems => '{conflict}');
SELECT factory.declare('factory.platform_outbox(integer, uuid)', 'Calls out that belong to no workspace', '{factory_operator}', scope => 'global');
SELECT factory.declare('factory.platform_outbox_retry(uuid)', 'Send a message of the platform again', '{factory_operator}', scope => 'global', audit_action => 'outbox.retried');
SELECT factory.declare('factory.platform_outbox_discard(uuid)', 'Give a message of the platform up', '{factory_operator}', scope => 'global', audit_action => 'outbox.discarded');
SELECT factory.declare('factory.outbox_post(text, text, timestamptz)', 'Queue a call of the platform', '{factory_operator}', scope => 'global', audit_action => 'outbox.posted');
SELECT factory.declare('factory.outbox_claim(text, text[], integer, integer)', 'Take messages to send', '{factory_edge}', scope => 'global');
SELECT factory.declare('factory.outbox_report(uuid, uuid, text, integer, text, integer)', 'Say what became of a message', '{factory_edge}', scope => 'global');
SELECT factory.declare('factory.outbound_networks()', 'Networks open to the relays', '{factory_edge}', scope => 'global');
SELECT factory.declare('factory.outbox_backlog()', 'How much waits to be sent', '{factory_edge,factory_operator}', scope => 'global');
SELECT factory.declare('factory.outbox_purge(integer)', 'Remove finished messages', '{factory_edge,factory_jobs,factory_operator}', scope => 'global');
SELECT factory.declare('factory.outbound_allow(cidr, integer)', 'Open a network to calls out', '{factory_operator}', scope => 'global', audit_action => 'outbound.allowed');
SELECT factory.declare('factory.outbound_disallow(cidr, integer)', 'Close a network to calls out', '{factory_operator}', scope => 'global', audit_action => 'outbound.disallowed');
