-- Texts of mails. An operator's text stands before the one that came with the extension, and upgrades leave it alone.
CREATE TABLE factory.mail_templates (
  name text NOT NULL,
  locale text NOT NULL,
  shipped boolean NOT NULL,
  subject text NOT NULL,
  text_body text NOT NULL,
  html_body text NOT NULL,
  sample jsonb NOT NULL,
  CONSTRAINT mail_templates_pkey PRIMARY KEY (name, locale, shipped)
);
COMMENT ON TABLE factory.mail_templates IS 'Texts of mails with {{placeholders}}, and the values that their preview shows.';

SELECT pg_catalog.pg_extension_config_dump('factory.mail_templates', 'WHERE NOT shipped');

INSERT INTO factory.table_registry (relation, class, shipped) VALUES ('factory.mail_templates', 'global', true);

CREATE TYPE factory.mail_preview AS (name text, locale text, subject text, text text, html text);
COMMENT ON TYPE factory.mail_preview IS 'A mail template filled with its sample values; html is null where there is none.';
