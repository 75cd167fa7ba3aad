-- Messages to the outside world, written in the transaction of the change that they tell of. Each belongs to a workspace;
-- those of the platform itself belong to the nil one.
CREATE TABLE factory.outbox_messages (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL,
  source text NOT NULL,
  topic text NOT NULL,
  reference uuid,
  destination text,
  headers text NOT NULL DEFAULT '',
  body bytea,
  secret_id uuid,
  status text NOT NULL DEFAULT 'waiting',
  attempts integer NOT NULL DEFAULT 0,
  last_status integer,
  last_detail text,
  created_at timestamptz NOT NULL,
  next_attempt_at timestamptz,
  finished_at timestamptz,
  CONSTRAINT outbox_messages_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT outbox_messages_kind_known CHECK (kind IN ('http', 'smtp')),
  CONSTRAINT outbox_messages_source_known CHECK (source IN ('webhook', 'mail', 'platform')),
  CONSTRAINT outbox_messages_status_known CHECK (status IN ('waiting', 'delivered', 'dead', 'discarded'))
);
CREATE INDEX outbox_messages_reference_idx ON factory.outbox_messages (tenant_id, reference, id) WHERE reference IS NOT NULL;
CREATE INDEX outbox_messages_mail_idx ON factory.outbox_messages (tenant_id, created_at) WHERE source = 'mail';
COMMENT ON TABLE factory.outbox_messages IS
  'Calls out of each workspace: what is sent, and what became of it. Apps read theirs through the view factory.outbox.';

-- When each message is due next. A lease is a due time in the future and the token that may report: a relay that died
-- simply does not report, and the message comes due again. Finished ones wait here for their removal.
CREATE TABLE factory.outbox_queue (
  id uuid NOT NULL,
  tenant_id uuid NOT NULL,
  kind text NOT NULL,
  finished boolean NOT NULL DEFAULT false,
  due_at timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  lease uuid,
  worker text,
  CONSTRAINT outbox_queue_pkey PRIMARY KEY (id)
);
CREATE INDEX outbox_queue_due_idx ON factory.outbox_queue (finished, due_at);
CREATE INDEX outbox_queue_lease_idx ON factory.outbox_queue (due_at, tenant_id) WHERE lease IS NOT NULL;
COMMENT ON TABLE factory.outbox_queue IS 'Work of the relays: when each message is due, and under whose lease.';

-- What the relay may call besides public addresses over https.
CREATE TABLE factory.outbound_networks (
  network cidr NOT NULL,
  port integer NOT NULL,
  allowed_by text NOT NULL,
  allowed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  CONSTRAINT outbound_networks_pkey PRIMARY KEY (network, port),
  CONSTRAINT outbound_networks_port_range CHECK (port BETWEEN 0 AND 65535)
);
COMMENT ON TABLE factory.outbound_networks IS
  'Networks that the operators opened to calls out, private ones and plain http included; port 0 stands for every port.';

SELECT pg_catalog.pg_extension_config_dump('factory.outbox_messages', '');
SELECT pg_catalog.pg_extension_config_dump('factory.outbox_queue', '');
SELECT pg_catalog.pg_extension_config_dump('factory.outbound_networks', '');

INSERT INTO factory.table_registry (relation, class, shipped) VALUES
  ('factory.outbox_messages', 'tenant', true),
  ('factory.outbox_queue', 'node', true),
  ('factory.outbound_networks', 'global', true);
