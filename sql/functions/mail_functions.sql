INSERT INTO factory.mail_templates (name, locale, shipped, subject, text_body, html_body, sample) VALUES
  ('invitation', 'en', true, '{{inviter}} invites you to {{workspace}}',
   E'Hello,\n\n{{inviter}} invites you to the workspace {{workspace}} as {{role}}.\n\nTo accept, open\n\n{{accept_url}}\n\nwith the address that this mail was sent to. The link works once, for {{days}} days.\nIf you do not know what this is about, leave it alone: nothing happens.\n',
   E'<p>Hello,</p>\n<p>{{inviter}} invites you to the workspace <b>{{workspace}}</b> as {{role}}.</p>\n<p><a href="{{accept_url}}">Accept the invitation</a> with the address that this mail was sent to. The link works once, for {{days}} days.</p>\n<p>If you do not know what this is about, leave it alone: nothing happens.</p>\n',
   '{"inviter": "Ann", "workspace": "Acme", "role": "staff", "accept_url": "https://platform.example.com/accept-invitation#token=sample", "days": 7}'),
  ('webhook_disabled', 'en', true, 'A webhook of {{workspace}} was disabled',
   E'Hello,\n\nthe webhook to {{host}} of the workspace {{workspace}} was disabled, because its receiver {{reason}}.\nWhat was still waiting for it is not sent. Enable it again once the receiver works.\n',
   E'<p>Hello,</p>\n<p>the webhook to <b>{{host}}</b> of the workspace {{workspace}} was disabled, because its receiver {{reason}}. What was still waiting for it is not sent.</p>\n<p>Enable it again once the receiver works.</p>\n',
   '{"workspace": "Acme", "host": "hooks.example.com", "reason": "failed 20 times in a row"}')
ON CONFLICT (name, locale, shipped) DO UPDATE SET
  subject = excluded.subject, text_body = excluded.text_body, html_body = excluded.html_body, sample = excluded.sample;

CREATE VIEW factory.mail_template_texts AS
  SELECT t.name, t.locale, t.shipped, t.subject, t.text_body, t.html_body, t.sample FROM factory.mail_templates t;
COMMENT ON VIEW factory.mail_template_texts IS 'The texts of mails, those of the extension (shipped) and those of the operators. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.mail_enqueue(template text, locale text, "to" text, data json DEFAULT '{}') RETURNS uuid
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_mail_enqueue';
COMMENT ON FUNCTION factory.mail_enqueue(text, text, text, json) IS
  'Queues a mail of the workspace, sent after this transaction commits; the id of its message. template: one that the operators made; locale: en, pt-BR, falls back to the language and to en; data: object of the values that the template needs. At most factory.mails_per_day a workspace. Errors: not_found, forbidden (a template of the platform), validation_failed, mail_limit, safe_mode. For records.write.';

CREATE OR REPLACE FUNCTION factory.preview_mail_template(name text, locale text DEFAULT 'en') RETURNS factory.mail_preview
LANGUAGE c STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_preview_mail_template';
COMMENT ON FUNCTION factory.preview_mail_template(text, text) IS
  'A mail template filled with its sample values. Error: not_found. For connectors.manage.';

CREATE OR REPLACE FUNCTION factory.mail_template_set(
  name text, locale text, subject text, text text, html text DEFAULT NULL, sample json DEFAULT '{}')
RETURNS void LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_mail_template_set';
COMMENT ON FUNCTION factory.mail_template_set(text, text, text, text, text, json) IS
  'Makes or replaces a mail template. subject, text, html: with {{placeholders}}, 300 bytes and 16 KiB at most; sample: object with a value for each. Audited. Error: validation_failed. For factory_operator.';

CREATE OR REPLACE FUNCTION factory.mail_template_remove(name text, locale text) RETURNS void
LANGUAGE c VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'factory_mail_template_remove';
COMMENT ON FUNCTION factory.mail_template_remove(text, text) IS
  'Removes what mail_template_set made; a text of the extension stands again. Audited. Error: not_found. For factory_operator.';

SELECT factory.declare('factory.mail_enqueue(text, text, text, json)', 'Send a mail', requires => 'records.write', audit_action => 'mail.queued');
SELECT factory.declare('factory.preview_mail_template(text, text)', 'Preview of a mail template', method => 'GET', path => '/v1/mail/templates/{name}/preview',
  requires => 'connectors.manage', nullable => '{html}');
SELECT factory.declare('factory.mail_template_set(text, text, text, text, text, json)', 'Make a mail template', '{factory_operator}', scope => 'global', audit_action => 'mail_template.set');
SELECT factory.declare('factory.mail_template_remove(text, text)', 'Remove a mail template', '{factory_operator}', scope => 'global', audit_action => 'mail_template.removed');
