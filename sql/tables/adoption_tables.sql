-- Where the platform's rows are at home. CREATE EXTENSION writes the row of the database that it runs in, and a restored dump
-- brings the row of where it was taken: one row that names this place, or the platform was restored or moved.
CREATE TABLE factory.homes (
  id uuid NOT NULL,
  system_identifier bigint NOT NULL,
  database_oid oid NOT NULL,
  written_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  CONSTRAINT homes_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE factory.homes IS
  'Where the platform lives: identifier of the cluster (pg_control_system()) and oid of the database. Anything but one row that names the running server is safe mode until factory.adopt().';

INSERT INTO factory.homes (id, system_identifier, database_oid)
SELECT pg_catalog.gen_random_uuid(), s.system_identifier, d.oid
FROM pg_catalog.pg_control_system() s, pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database();

SELECT pg_catalog.pg_extension_config_dump('factory.homes', '');

INSERT INTO factory.table_registry (relation, class, shipped) VALUES ('factory.homes', 'node', true);

CREATE TRIGGER forget_cached AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON factory.homes
  FOR EACH STATEMENT EXECUTE FUNCTION factory.forget_cached();
ALTER TABLE factory.homes ENABLE ALWAYS TRIGGER forget_cached;
