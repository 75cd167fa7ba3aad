// Mail: templates, their preview, and mails that apps send.
#include "api/mail.hpp"

#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/fields.hpp"
#include "api/secrets_store.hpp"
#include "core/email.hpp"
#include "core/json_document.hpp"
#include "core/json_writer.hpp"
#include "core/mail_message.hpp"
#include "pg/settings.hpp"

namespace factory::api {

using core::MailFormat;
using core::Problem;
using core::Uuid;
using pg::Value;

namespace {

constexpr std::size_t longest_subject = 300;
constexpr std::size_t longest_template = 16384;

secrets::Owner owner_of(const Uuid& tenant) {
  return tenant == outbox::platform_tenant ? std::nullopt : secrets::Owner(tenant);
}

std::string content_name(const Uuid& message) { return "mail/" + core::format_uuid(message); }

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 50 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// "en", "pt-BR": letters, digits and hyphens.
bool is_locale(std::string_view text) {
  return text.size() >= 2 && text.size() <= 20 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) || c == '-'; });
}

struct Template {
  std::string name, locale, subject, text, html, sample;
  bool shipped;  // no operator's: for the platform's own mails
};

// In the locale, its language or English; an operator's text before the one that came with the extension.
Template find_template(const std::string& name, const std::string& locale) {
  const pg::Connection connection;
  static pg::Statement find(
      "SELECT locale, subject, text_body, html_body, sample::pg_catalog.text,"
      "  EXISTS (SELECT FROM factory.mail_templates s WHERE s.name = $1 AND s.shipped) FROM factory.mail_templates"
      " WHERE name = $1 AND locale IN ($2, pg_catalog.split_part($2, '-', 1), 'en')"
      " ORDER BY (locale = $2) DESC, (locale <> 'en') DESC, shipped LIMIT 1");
  const pg::Rows rows = find.run({Value::text(name), Value::text(locale)}, pg::Reads::snapshot);
  if (rows.empty()) throw Problem("not_found", "there is no such mail template");
  return {
      name, rows.text(0, 1), rows.text(0, 2), rows.text(0, 3), rows.text(0, 4), rows.text(0, 5), rows.boolean(0, 6)};
}

// The members of a JSON object of plain values.
core::MailValues values_of(const std::string& json) {
  core::MailValues values;
  Fields fields;
  const core::JsonObject object = core::parse_object(json);
  for (const core::JsonField& field : object.fields()) {
    if (field.kind == core::JsonKind::array || field.kind == core::JsonKind::object ||
        field.kind == core::JsonKind::null_)
      fields.complain("data/" + field.name, "invalid_type", "it must be a string, a number, true or false");
    values.emplace(field.name, field.text);
  }
  fields.check();
  return values;
}

std::string sender_address() {
  const std::optional<std::string> address = core::normalize_email(pg::settings::mail_from);
  if (!address) throw Problem("safe_mode", "factory.mail_from is not an e-mail address");
  return *address;
}

void record(const std::string& action, const std::optional<Uuid>& tenant, const std::string& type,
            const std::string& id, std::initializer_list<std::pair<const char*, std::string>> facts) {
  audit::Event event;
  event.action = action;
  event.tenant = tenant;
  event.target_type = type;
  event.target_id = id;
  core::JsonWriter json(event.metadata);
  json.begin_object();
  for (const auto& [name, text] : facts) json.member(name, text);
  json.end_object();
  audit::record(event);
}

}  // namespace

namespace mail {

Uuid enqueue(const Mail& mail) {
  const Template source = find_template(mail.template_name, mail.locale);
  const Uuid id = core::uuid7();
  const core::MailMessage message{.from_name = pg::settings::mail_from_name,
                                  .from_address = sender_address(),
                                  .to = mail.to,
                                  .subject = core::render_mail(source.subject, mail.values, MailFormat::text),
                                  .text = core::render_mail(source.text, mail.values, MailFormat::text),
                                  .html = core::render_mail(source.html, mail.values, MailFormat::html),
                                  .id = core::format_uuid(id),
                                  .unix_seconds = pg::unix_seconds(GetCurrentTimestamp())};
  const crypto::Secret content(crypto::as_bytes(core::build_mail(message)));
  if (content.size() > crypto::kMaxEnvelopeContent)
    throw Problem("validation_failed", "the mail is longer than 64 KiB");
  const secrets::Stored stored = secrets::put(owner_of(mail.tenant), content_name(id), content.view());
  outbox::enqueue({.tenant = mail.tenant,
                   .id = id,
                   .source = outbox::Source::mail,
                   .topic = mail.template_name,
                   .destination = mail.to,
                   .secret_id = stored.id});
  return id;
}

std::variant<outbox::Call, outbox::Unsendable> prepare(const Uuid& tenant, const Uuid& message, const std::string& to,
                                                       const Uuid& secret) {
  const std::vector<secrets::Opened> content =
      secrets::open(owner_of(tenant), secret, {"message", core::format_uuid(message)});
  return outbox::Call{to, sender_address(), {}, std::string(crypto::as_text(content.front().value.view()))};
}

void forget_content(const Uuid& tenant, const Uuid& message) {
  secrets::remove(owner_of(tenant), content_name(message));
}

std::string public_link(const std::string& path) {
  std::string link = pg::settings::public_url;
  while (link.ends_with('/')) link.pop_back();
  return link + path;
}

}  // namespace mail

FACTORY_FUNCTION(factory_mail_enqueue) {
  const std::string name = pg::text_argument(fcinfo, 0, "template");
  const std::string locale = pg::text_argument(fcinfo, 1, "locale");
  const std::optional<std::string> to = core::normalize_email(pg::text_argument(fcinfo, 2, "to"));
  const std::string data = pg::optional_text(fcinfo, 3).value_or("{}");
  Fields fields;
  if (!is_locale(locale)) fields.complain("locale", "invalid_value", "it must be a language tag such as en or pt-BR");
  if (!to) fields.complain("to", "invalid_value", "it must be an e-mail address");
  fields.check();
  const Uuid tenant = context::current()->tenant;
  const pg::Connection connection;
  if (find_template(name, locale).shipped) throw Problem("forbidden", "this template is for the platform's own mails");
  const Uuid id = mail::enqueue({tenant, name, locale, *to, values_of(data)});
  // Counted after the content was sealed, which the workspace's mails do one after another: none slips through.
  static pg::Statement count(
      "SELECT count(*) FROM factory.outbox_messages WHERE tenant_id = $1 AND source = 'mail' AND created_at > $2");
  const std::int64_t sent =
      count.run({Value::uuid(tenant), Value::timestamp(GetCurrentTimestamp() - USECS_PER_DAY)}).bigint(0, 1);
  if (sent > pg::settings::mails_per_day) throw Problem("mail_limit");
  record(declarations::action_of(fcinfo), tenant, "message", core::format_uuid(id), {{"template", name}, {"to", *to}});
  return pg::uuid_result(id);
}

FACTORY_FUNCTION(factory_preview_mail_template) {
  const std::string name = pg::text_argument(fcinfo, 0, "name");
  const std::string locale = pg::text_argument(fcinfo, 1, "locale");
  const Template found = find_template(name, locale);
  const core::MailValues values = values_of(found.sample);
  const std::string subject = core::render_mail(found.subject, values, MailFormat::text),
                    text = core::render_mail(found.text, values, MailFormat::text),
                    html = core::render_mail(found.html, values, MailFormat::html);
  return pg::row_result(fcinfo, {Value::text(name), Value::text(found.locale), Value::text(subject), Value::text(text),
                                 html.empty() ? Value::null(TEXTOID) : Value::text(html)});
}

FACTORY_FUNCTION(factory_mail_template_set) {
  const std::string name = pg::text_argument(fcinfo, 0, "name");
  const std::string locale = pg::text_argument(fcinfo, 1, "locale");
  const std::string subject = pg::text_argument(fcinfo, 2, "subject");
  const std::string text = pg::text_argument(fcinfo, 3, "text");
  const std::string html = pg::optional_text(fcinfo, 4).value_or("");
  const std::string sample = pg::optional_text(fcinfo, 5).value_or("{}");
  Fields fields;
  if (!is_name(name)) fields.complain("name", "invalid_value", "it must be 1 to 50 of a-z, 0-9 and _");
  if (!is_locale(locale)) fields.complain("locale", "invalid_value", "it must be a language tag such as en or pt-BR");
  if (subject.empty() || subject.size() > longest_subject)
    fields.complain("subject", "invalid_value", "it must have 1 to 300 bytes");
  for (const auto& [field, source] :
       {std::pair("subject", &subject), std::pair("text", &text), std::pair("html", &html)}) {
    if (source->size() > longest_template) fields.complain(field, "too_long", "it must have at most 16 KiB");
    if (const std::string fault = core::mail_template_fault(*source); !fault.empty())
      fields.complain(field, "invalid_value", fault);
  }
  fields.check();
  // What cannot be shown with its own sample could not be sent either.
  const core::MailValues values = values_of(sample);
  for (const std::string* source : {&subject, &text}) core::render_mail(*source, values, MailFormat::text);
  core::render_mail(html, values, MailFormat::html);
  const pg::Connection connection;
  static pg::Statement set(
      "INSERT INTO factory.mail_templates (name, locale, shipped, subject, text_body, html_body, sample)"
      " VALUES ($1, $2, false, $3, $4, $5, $6) ON CONFLICT (name, locale, shipped) DO UPDATE"
      " SET subject = excluded.subject, text_body = excluded.text_body, html_body = excluded.html_body,"
      "  sample = excluded.sample");
  set.run({Value::text(name), Value::text(locale), Value::text(subject), Value::text(text), Value::text(html),
           Value::jsonb(sample)});
  record(declarations::action_of(fcinfo), std::nullopt, "mail_template", name, {{"locale", locale}});
  return Datum(0);
}

FACTORY_FUNCTION(factory_mail_template_remove) {
  const std::string name = pg::text_argument(fcinfo, 0, "name");
  const std::string locale = pg::text_argument(fcinfo, 1, "locale");
  const pg::Connection connection;
  static pg::Statement remove(
      "DELETE FROM factory.mail_templates WHERE name = $1 AND locale = $2 AND NOT shipped RETURNING 1");
  if (remove.run({Value::text(name), Value::text(locale)}).empty()) throw Problem("not_found");
  record(declarations::action_of(fcinfo), std::nullopt, "mail_template", name, {{"locale", locale}});
  return Datum(0);
}

}  // namespace factory::api
