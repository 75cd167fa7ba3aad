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
  -- The table's oid when it was protected or last acknowledged. A table that came out of a dump has another one.
  watched_as oid,
  CONSTRAINT table_registry_pkey PRIMARY KEY (relation),
  CONSTRAINT table_registry_class_known CHECK (class IN ('tenant', 'global', 'node'))
);
COMMENT ON TABLE factory.table_registry IS
  'Table classes: tenant (keys lead with tenant_id), global (small, read-mostly, the same on every node) or node (local state).';

-- Written when a protected table is altered, and there until an operator acknowledges it. The event itself
-- stays in platform_events, under the same id.
CREATE TABLE factory.table_changes (
  id uuid NOT NULL,
  relation regclass NOT NULL,
  changed_at timestamptz NOT NULL,
  changed_by text NOT NULL,
  command text NOT NULL,
  CONSTRAINT table_changes_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE factory.table_changes IS 'Changes of protected tables that no operator has acknowledged: factory.lint() shows them.';

SELECT pg_catalog.pg_extension_config_dump('factory.table_registry', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('factory.table_changes', '');

INSERT INTO factory.table_registry (relation, class, shipped) VALUES
  ('factory.table_registry', 'node', true),
  ('factory.table_changes', 'node', true),
  ('factory.routes', 'global', true),
  ('factory.idempotency_keys', 'tenant', true),
  ('factory.user_idempotency_keys', 'global', true);
