-- The class of every table that the platform knows: its own and those given to factory.protect(). The key is the table
-- itself, so a dropped table leaves the registry with it (the drop hook removes the row).
CREATE TABLE factory.table_registry (
  relation regclass NOT NULL,
  class text NOT NULL,
  shipped boolean NOT NULL,
  read_capability text,
  write_capability text,
  protected_by text,
  protected_at timestamptz,
  CONSTRAINT table_registry_pkey PRIMARY KEY (relation),
  CONSTRAINT table_registry_class_known CHECK (class IN ('tenant', 'global', 'node'))
);
COMMENT ON TABLE factory.table_registry IS
  'Table classes: tenant (keys lead with tenant_id), global (small, read-mostly, the same on every node) or node (local state).';

SELECT pg_catalog.pg_extension_config_dump('factory.table_registry', 'WHERE NOT shipped');

INSERT INTO factory.table_registry (relation, class, shipped) VALUES
  ('factory.table_registry', 'node', true),
  ('factory.routes', 'global', true),
  ('factory.idempotency_keys', 'tenant', true),
  ('factory.user_idempotency_keys', 'global', true);
