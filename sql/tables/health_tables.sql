CREATE TABLE factory.safe_mode_reasons (
  cause text NOT NULL,
  reason text NOT NULL,
  entered_by text NOT NULL,
  entered_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  CONSTRAINT safe_mode_reasons_pkey PRIMARY KEY (cause)
);
COMMENT ON TABLE factory.safe_mode_reasons IS
  'Reasons of safe mode that last: an operator''s, and findings of factory.lint(). Other causes are asked for by every backend.';
CREATE TRIGGER forget_cached AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON factory.safe_mode_reasons
  FOR EACH STATEMENT EXECUTE FUNCTION factory.forget_cached();
ALTER TABLE factory.safe_mode_reasons ENABLE ALWAYS TRIGGER forget_cached;

CREATE TABLE factory.health_components (
  component text NOT NULL,
  colour text NOT NULL,
  evidence text NOT NULL,
  remedy text,
  checked_at timestamptz NOT NULL,
  CONSTRAINT health_components_pkey PRIMARY KEY (component),
  CONSTRAINT health_components_colour_known CHECK (colour IN ('green', 'amber', 'red'))
);
COMMENT ON TABLE factory.health_components IS 'What the job check_health found last: what is cheap to show and, for lint, slow to find.';

SELECT pg_catalog.pg_extension_config_dump('factory.safe_mode_reasons', '');
SELECT pg_catalog.pg_extension_config_dump('factory.health_components', '');

INSERT INTO factory.table_registry (relation, class, shipped) VALUES
  ('factory.safe_mode_reasons', 'global', true),
  ('factory.health_components', 'node', true);
