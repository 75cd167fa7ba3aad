#include "api/webhook_events.hpp"

#include "api/context.hpp"
#include "api/mail.hpp"
#include "api/request_info.hpp"
#include "api/secrets_store.hpp"
#include "core/json_writer.hpp"
#include "core/outbound_url.hpp"
#include "core/problem.hpp"
#include "crypto/webhook_signature.hpp"

namespace factory::api::webhooks {

using core::Uuid;
using pg::Value;

namespace {

constexpr std::size_t most_cached_tenants = 10000;
constexpr std::size_t longest_body = 262144;
constexpr int most_failures = 20;

struct Endpoint {
  Uuid id;
  std::vector<std::string> events;

  bool wants(const std::string& action) const {
    return std::any_of(events.begin(), events.end(),
                       [&action](const std::string& event) { return event == "*" || event == action; });
  }
};

// The enabled endpoints of workspaces that this backend has recorded events of, most of which have none.
std::map<Uuid, std::vector<Endpoint>>& cached() {
  static auto* instance = new std::map<Uuid, std::vector<Endpoint>>();
  return *instance;
}

Oid endpoints_table = InvalidOid;
std::uint64_t epoch = 0;  // grows whenever what was read may be stale

void relation_invalidated(Datum, Oid relation) {
  if (relation == InvalidOid || relation == endpoints_table) {
    cached().clear();
    endpoints_table = InvalidOid;
    ++epoch;
  }
}

std::vector<Endpoint> endpoints_of(const Uuid& tenant) {
  static bool registered = false;
  if (!registered) {
    pg::call([] { CacheRegisterRelcacheCallback(relation_invalidated, Datum(0)); });
    registered = true;
  }
  auto& known = cached();
  if (const auto found = known.find(tenant); found != known.end()) return found->second;
  if (known.size() >= most_cached_tenants) known.clear();
  const std::uint64_t before = epoch;
  // Known before the rows are read: a change that arrives meanwhile is noticed, and what was read is not kept.
  if (!OidIsValid(endpoints_table)) endpoints_table = platform_relation("webhook_endpoints");
  std::vector<Endpoint> endpoints;
  {
    const AsOwner owner;
    const context::TenantScope scope(tenant);
    const pg::Connection connection;
    // Not by the snapshot of the transaction: what is remembered here outlives it.
    static pg::Statement find(
        "SELECT e.id, event FROM factory.webhook_endpoints e, pg_catalog.unnest(e.events) AS event"
        " WHERE e.tenant_id = $1 AND e.enabled ORDER BY e.id");
    const pg::Rows rows = find.run_latest({Value::uuid(tenant)});
    for (std::uint64_t i = 0; i < rows.count(); ++i) {
      const Uuid id = rows.uuid(i, 1);
      if (endpoints.empty() || endpoints.back().id != id) endpoints.push_back({id, {}});
      endpoints.back().events.push_back(rows.text(i, 2));
    }
  }
  if (epoch == before) known[tenant] = endpoints;
  return endpoints;
}

// What sending itself leaves in the log would come back as more to send.
bool is_about_sending(std::string_view action) {
  return action.starts_with("webhook.") || action.starts_with("outbox.") || action.starts_with("outbound.") ||
         action.starts_with("mail.") || action == "secret.opened";
}

// A CloudEvent (1.0) in the JSON format.
std::string cloud_event(const Recorded& recorded, bool whole) {
  const audit::Event& event = recorded.event;
  const std::string tenant = core::format_uuid(*event.tenant);
  std::string body;
  core::JsonWriter json(body);
  json.begin_object()
      .member("specversion", "1.0")
      .member("id", core::format_uuid(recorded.id))
      .member("source", "/v1/tenants/" + tenant)
      .member("type", event.action)
      .member("time", pg::format_timestamp(recorded.at));
  if (!event.target_type.empty()) json.member("subject", event.target_type + "/" + event.target_id);
  json.member("datacontenttype", "application/json").member("tenantid", tenant).key("data").begin_object();
  json.key("actor").begin_object().member("type", recorded.actor_type).key("id");
  if (recorded.actor_id.empty())
    json.null();
  else
    json.value(recorded.actor_id);
  json.end_object();
  if (!event.target_type.empty())
    json.key("target").begin_object().member("type", event.target_type).member("id", event.target_id).end_object();
  if (whole) {
    if (!event.before.empty()) json.raw_member("before", event.before);
    if (!event.after.empty()) json.raw_member("after", event.after);
    if (!event.metadata.empty()) json.raw_member("metadata", event.metadata);
  } else {
    json.member("truncated", true);
  }
  if (!request_info().request_id.empty()) json.member("request_id", request_info().request_id);
  json.end_object().end_object();
  return body;
}

std::string body_of(const Recorded& recorded) {
  std::string body = cloud_event(recorded, true);
  return body.size() <= longest_body ? body : cloud_event(recorded, false);
}

Uuid queue(const Uuid& tenant, const Uuid& endpoint, const std::string& topic, const std::string& body) {
  const outbox::Message message{.tenant = tenant,
                                .id = core::uuid7(),
                                .source = outbox::Source::webhook,
                                .topic = topic,
                                .reference = endpoint,
                                .body = body};
  outbox::enqueue(message);
  return message.id;
}

// Tells the owners, who may not look at the log for days.
void tell_owners(const Uuid& tenant, const std::string& url, const char* reason) {
  static pg::Statement find(
      "SELECT u.email, t.name FROM factory.memberships m JOIN factory.users u ON u.id = m.user_id"
      " JOIN factory.tenant_records t ON t.id = m.tenant_id WHERE m.tenant_id = $1 AND m.role = 'owner'");
  const pg::Rows rows = find.run({Value::uuid(tenant)});
  try {
    for (std::uint64_t i = 0; i < rows.count(); ++i)
      mail::enqueue(
          {tenant,
           "webhook_disabled",
           "en",
           rows.text(i, 1),
           {{"workspace", rows.text(i, 2)},
            {"host", std::string(core::outbound_url_authority(url))},
            {"reason", std::strcmp(reason, "gone") == 0 ? "wants no more calls" : "failed 20 times in a row"}}});
  } catch (const core::Problem&) {
    // Without a key to seal mails with the event in the log is the notice.
  }
}

void disable(const Uuid& tenant, const Uuid& endpoint, const char* reason) {
  static pg::Statement update(
      "UPDATE factory.webhook_endpoints SET enabled = false, disabled_reason = $3, version = version + 1"
      " WHERE tenant_id = $1 AND id = $2 AND enabled RETURNING url");
  const pg::Rows rows = update.run({Value::uuid(tenant), Value::uuid(endpoint), Value::text(reason)});
  if (rows.empty()) return;
  outbox::discard_webhooks_of(tenant, endpoint, "the endpoint was disabled");
  audit::Event event;
  event.action = "webhook.disabled";
  event.tenant = tenant;
  event.target_type = "webhook";
  event.target_id = core::format_uuid(endpoint);
  core::JsonWriter(event.metadata).begin_object().member("url", rows.text(0, 1)).member("reason", reason).end_object();
  audit::record(event);
  tell_owners(tenant, rows.text(0, 1), reason);
}

}  // namespace

void publish(const Recorded& recorded) {
  const audit::Event& event = recorded.event;
  if (event.outcome != "success" || is_about_sending(event.action)) return;
  const std::vector<Endpoint> endpoints = endpoints_of(*event.tenant);
  std::string body;
  for (const Endpoint& endpoint : endpoints) {
    if (!endpoint.wants(event.action)) continue;
    if (body.empty()) body = body_of(recorded);
    queue(*event.tenant, endpoint.id, event.action, body);
  }
}

Uuid send_test(const Uuid& tenant, const Uuid& endpoint) {
  audit::Event event;
  event.action = "webhook.tested";
  event.tenant = tenant;
  event.target_type = "webhook";
  event.target_id = core::format_uuid(endpoint);
  const std::string actor = core::format_uuid(context::current()->user);
  return queue(tenant, endpoint, event.action,
               body_of({event, core::uuid7(), GetCurrentTransactionStartTimestamp(), "user", actor}));
}

std::variant<outbox::Call, outbox::Unsendable> prepare(const Uuid& tenant, const Uuid& endpoint, const Uuid& message,
                                                       const std::string& body) {
  static pg::Statement find(
      "SELECT url, enabled, secret_id FROM factory.webhook_endpoints WHERE tenant_id = $1 AND id = $2");
  const pg::Rows rows = find.run({Value::uuid(tenant), Value::uuid(endpoint)});
  if (rows.empty()) return outbox::Unsendable{"the endpoint was deleted"};
  if (!rows.boolean(0, 2)) return outbox::Unsendable{"the endpoint was disabled"};
  const std::string id = core::format_uuid(message);
  const std::int64_t now = pg::unix_seconds(GetCurrentTimestamp());
  std::string signatures;
  for (const secrets::Opened& secret : secrets::open(tenant, rows.uuid(0, 3), {"message", id})) {
    if (!signatures.empty()) signatures += ' ';
    signatures += crypto::webhook_signature(secret.value.view(), id, now, body);
  }
  return outbox::Call{rows.text(0, 1),
                      {},
                      "Content-Type: application/cloudevents+json; charset=utf-8\nWebhook-Id: " + id +
                          "\nWebhook-Timestamp: " + std::to_string(now) + "\nWebhook-Signature: " + signatures,
                      body};
}

void note(const Uuid& tenant, const Uuid& endpoint, core::Verdict verdict) {
  // A relay serves everybody: it waits for nobody who is changing his endpoint, and the next delivery tells the same.
  static pg::Statement lock(
      "SELECT 1 FROM factory.webhook_endpoints WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE SKIP LOCKED");
  if (lock.run({Value::uuid(tenant), Value::uuid(endpoint)}).empty()) return;
  if (verdict == core::Verdict::gone) return disable(tenant, endpoint, "gone");
  if (verdict == core::Verdict::delivered) {
    static pg::Statement well(
        "UPDATE factory.webhook_endpoints SET failures = 0, failed_at = NULL"
        " WHERE tenant_id = $1 AND id = $2 AND failures > 0");
    well.run({Value::uuid(tenant), Value::uuid(endpoint)});
    return;
  }
  // A burst that met a receiver's restart is one failure: counted is one a minute.
  static pg::Statement count(
      "UPDATE factory.webhook_endpoints SET failures = failures + 1, failed_at = pg_catalog.clock_timestamp()"
      " WHERE tenant_id = $1 AND id = $2"
      "  AND (failed_at IS NULL OR failed_at < pg_catalog.clock_timestamp() - interval '1 minute') RETURNING failures");
  const pg::Rows rows = count.run({Value::uuid(tenant), Value::uuid(endpoint)});
  if (!rows.empty() && rows.integer(0, 1) >= most_failures) disable(tenant, endpoint, "failing");
}

void forget_endpoints(Oid table) {
  pg::call([table] { CacheInvalidateRelcacheByRelid(table); });
}

}  // namespace factory::api::webhooks
