// Webhook endpoints of a workspace: made, changed, tried, removed.
#include "api/context.hpp"
#include "api/fields.hpp"
#include "api/secrets_store.hpp"
#include "api/webhook_events.hpp"
#include "core/json_writer.hpp"
#include "core/outbound_url.hpp"
#include "crypto/base64url.hpp"
#include "crypto/random.hpp"

namespace factory::api {

using core::Problem;
using core::Uuid;
using pg::Value;

namespace {

constexpr std::size_t secret_size = 32;
constexpr std::int64_t most_endpoints = 20;
constexpr std::size_t most_events = 50;
constexpr std::size_t longest_event = 200;
constexpr int longest_overlap = 7 * 86400;

std::string secret_name(const Uuid& endpoint) { return "webhook/" + core::format_uuid(endpoint); }

struct NewSecret {
  Uuid id;
  std::string shown;
};

NewSecret set_secret(const Uuid& tenant, const Uuid& endpoint, int overlap_seconds) {
  const crypto::Secret secret(crypto::random_bytes(secret_size));
  const secrets::Stored stored = secrets::put(tenant, secret_name(endpoint), secret.view(), overlap_seconds);
  return {stored.id, "whsec_" + crypto::padded_base64(secret.view())};
}

void check_url(Fields& fields, const std::string& url) {
  const std::string fault = core::outbound_url_fault(url, !outbox::plain_http_is_possible());
  if (!fault.empty()) fields.complain("url", "invalid_value", fault);
}

void check_events(Fields& fields, const std::vector<std::string>& events) {
  if (events.empty() || events.size() > most_events)
    return fields.complain("events", "invalid_value", "it must name 1 to 50 events, or be [\"*\"]");
  for (const std::string& event : events) {
    const bool printable =
        std::all_of(event.begin(), event.end(), [](unsigned char c) { return c > 0x20 && c != 0x7f; });
    if (event.empty() || event.size() > longest_event || !printable)
      return fields.complain("events", "invalid_value", "each must be * or an action of the audit log");
  }
}

std::string array_literal(const std::vector<std::string>& events) {
  std::string text;
  core::JsonWriter json(text);
  json.begin_array();
  for (const std::string& event : events) json.value(event);
  json.end_array();
  return text;
}

struct EndpointRow {
  Uuid id;
  std::string url, description, events;  // events as a JSON array
  bool enabled;
  std::optional<std::string> disabled_reason;
  int failures;
  TimestampTz created_at;
  std::int64_t version;
};

constexpr const char* columns =
    "id, url, description, pg_catalog.to_json(events)::pg_catalog.text, enabled, disabled_reason, failures, created_at,"
    " version";

EndpointRow endpoint_row(const pg::Rows& rows) {
  return {rows.uuid(0, 1),          rows.text(0, 2),    rows.text(0, 3),      rows.text(0, 4),  rows.boolean(0, 5),
          rows.optional_text(0, 6), rows.integer(0, 7), rows.timestamp(0, 8), rows.bigint(0, 9)};
}

Datum endpoint_result(FunctionCallInfo fcinfo, const EndpointRow& row) {
  return pg::row_result(
      fcinfo,
      {Value::uuid(row.id), Value::text(row.url), Value::text(row.description), Value::json(row.events),
       Value::boolean(row.enabled), row.disabled_reason ? Value::text(*row.disabled_reason) : Value::null(TEXTOID),
       Value::integer(row.failures), Value::timestamp(row.created_at), Value::bigint(row.version)});
}

EndpointRow lock_endpoint(const Uuid& tenant, const Uuid& id) {
  static pg::Statement lock(std::string("SELECT ") + columns +
                            " FROM factory.webhook_endpoints WHERE tenant_id = $1 AND id = $2 FOR UPDATE");
  const pg::Rows rows = lock.run({Value::uuid(tenant), Value::uuid(id)});
  if (rows.empty()) throw Problem("not_found");
  return endpoint_row(rows);
}

void record(FunctionCallInfo fcinfo, const Uuid& tenant, const Uuid& id,
            const std::vector<audit::FieldChange>& changes = {}) {
  audit::Event event;
  event.action = declarations::action_of(fcinfo);
  event.tenant = tenant;
  event.target_type = "webhook";
  event.target_id = core::format_uuid(id);
  if (!changes.empty()) {
    event.before = audit::before_of(changes);
    event.after = audit::after_of(changes);
  }
  audit::record(event);
}

}  // namespace

FACTORY_FUNCTION(factory_create_webhook) {
  const std::string url = pg::text_argument(fcinfo, 0, "url");
  const std::vector<std::string> events = pg::text_array_argument(fcinfo, 1);
  const std::string given = pg::optional_text(fcinfo, 2).value_or("");
  Fields fields;
  check_url(fields, url);
  check_events(fields, events);
  const std::string description = given.empty() ? given : fields.name("description", given);
  fields.check();
  const Context* context = context::current();
  const Uuid tenant = context->tenant, id = core::uuid7();
  const pg::Connection connection;
  static pg::Statement count("SELECT count(*) FROM factory.webhook_endpoints WHERE tenant_id = $1");
  if (count.run({Value::uuid(tenant)}).bigint(0, 1) >= most_endpoints)
    throw Problem("conflict", "the workspace has 20 webhooks already: delete one first");
  const NewSecret secret = set_secret(tenant, id, 0);
  static pg::Statement insert(
      std::string(
          "INSERT INTO factory.webhook_endpoints (tenant_id, id, url, description, events, secret_id, created_by)"
          " VALUES ($1, $2, $3, $4, ARRAY(SELECT DISTINCT pg_catalog.jsonb_array_elements_text($5)), $6, $7)"
          " RETURNING ") +
      columns);
  const std::string list = array_literal(events);
  const EndpointRow row =
      endpoint_row(insert.run({Value::uuid(tenant), Value::uuid(id), Value::text(url), Value::text(description),
                               Value::jsonb(list), Value::uuid(secret.id), Value::uuid(context->user)}));
  record(fcinfo, tenant, id, {{"url", "null", core::json_string(url)}, {"events", "null", row.events}});
  return pg::row_result(fcinfo, {Value::uuid(row.id), Value::text(row.url), Value::text(row.description),
                                 Value::json(row.events), Value::boolean(row.enabled), Value::timestamp(row.created_at),
                                 Value::bigint(row.version), Value::text(secret.shown)});
}

FACTORY_FUNCTION(factory_update_webhook) {
  const Uuid id = pg::uuid_argument(fcinfo, 0, "id");
  const std::optional<std::string> url = pg::optional_text(fcinfo, 1);
  const std::optional<std::vector<std::string>> events =
      PG_ARGISNULL(2) ? std::nullopt : std::optional(pg::text_array_argument(fcinfo, 2));
  std::optional<std::string> description = pg::optional_text(fcinfo, 3);
  const std::optional<std::int64_t> expected = pg::optional_bigint(fcinfo, 5);
  Fields fields;
  if (url) check_url(fields, *url);
  if (events) check_events(fields, *events);
  if (description && !description->empty()) description = fields.name("description", *description);
  fields.check();
  const Uuid tenant = context::current()->tenant;
  const pg::Connection connection;
  const EndpointRow before = lock_endpoint(tenant, id);
  if (expected && *expected != before.version) throw Problem("precondition_failed");
  const bool enabled = PG_ARGISNULL(4) ? before.enabled : pg::boolean_argument(fcinfo, 4, "enabled");
  // What turns it on again begins to count anew.
  static pg::Statement update(
      std::string("UPDATE factory.webhook_endpoints SET url = $3, description = $4,"
                  " events = ARRAY(SELECT DISTINCT pg_catalog.jsonb_array_elements_text($5)), enabled = $6,"
                  " disabled_reason = CASE WHEN $6 THEN NULL ELSE coalesce(disabled_reason, 'paused') END,"
                  " failures = CASE WHEN $6 AND NOT enabled THEN 0 ELSE failures END,"
                  " failed_at = CASE WHEN $6 AND NOT enabled THEN NULL ELSE failed_at END, version = version + 1"
                  " WHERE tenant_id = $1 AND id = $2 RETURNING ") +
      columns);
  const std::string list = events ? array_literal(*events) : before.events;
  const EndpointRow after = endpoint_row(update.run(
      {Value::uuid(tenant), Value::uuid(id), Value::text(url ? *url : before.url),
       Value::text(description ? *description : before.description), Value::jsonb(list), Value::boolean(enabled)}));
  record(fcinfo, tenant, id,
         {{"url", core::json_string(before.url), core::json_string(after.url)},
          {"events", before.events, after.events},
          {"description", core::json_string(before.description), core::json_string(after.description)},
          {"enabled", before.enabled ? "true" : "false", after.enabled ? "true" : "false"}});
  return endpoint_result(fcinfo, after);
}

FACTORY_FUNCTION(factory_delete_webhook) {
  const Uuid id = pg::uuid_argument(fcinfo, 0, "id");
  const Uuid tenant = context::current()->tenant;
  const pg::Connection connection;
  const EndpointRow row = lock_endpoint(tenant, id);
  static pg::Statement remove("DELETE FROM factory.webhook_endpoints WHERE tenant_id = $1 AND id = $2");
  remove.run({Value::uuid(tenant), Value::uuid(id)});
  secrets::remove(tenant, secret_name(id));
  outbox::discard_webhooks_of(tenant, id, "the endpoint was deleted");
  record(fcinfo, tenant, id, {{"url", core::json_string(row.url), "null"}});
  return Datum(0);
}

FACTORY_FUNCTION(factory_rotate_webhook_secret) {
  const Uuid id = pg::uuid_argument(fcinfo, 0, "id");
  const std::optional<std::int32_t> overlap = pg::optional_integer(fcinfo, 1);
  Fields fields;
  if (!overlap || *overlap < 0 || *overlap > longest_overlap)
    fields.complain("overlap_seconds", "invalid_value", "it must be 0 to 604800");
  fields.check();
  const Uuid tenant = context::current()->tenant;
  const pg::Connection connection;
  lock_endpoint(tenant, id);
  const NewSecret secret = set_secret(tenant, id, *overlap);
  record(fcinfo, tenant, id);
  return pg::row_result(fcinfo, {Value::uuid(id), Value::text(secret.shown)});
}

FACTORY_FUNCTION(factory_test_webhook) {
  const Uuid id = pg::uuid_argument(fcinfo, 0, "id");
  const Uuid tenant = context::current()->tenant;
  const pg::Connection connection;
  if (!lock_endpoint(tenant, id).enabled) throw Problem("conflict", "the webhook is disabled: enable it first");
  const Uuid message = webhooks::send_test(tenant, id);
  record(fcinfo, tenant, id);
  return pg::row_result(fcinfo, {Value::uuid(message), Value::uuid(id)});
}

FACTORY_FUNCTION(factory_forget_webhooks) {
  if (!CALLED_AS_TRIGGER(fcinfo)) throw Problem("not_in_this_context", "this is a trigger function");
  webhooks::forget_endpoints(RelationGetRelid(reinterpret_cast<const TriggerData*>(fcinfo->context)->tg_relation));
  return Datum(0);
}

}  // namespace factory::api
