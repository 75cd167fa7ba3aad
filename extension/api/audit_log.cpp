#include "api/audit_log.hpp"

#include "api/context.hpp"
#include "api/request_info.hpp"
#include "api/webhook_events.hpp"
#include "core/json_writer.hpp"
#include "pg/append.hpp"

extern "C" {
#include "utils/fmgrprotos.h"
}

namespace factory::api {

RequestInfo& request_info() {
  static RequestInfo instance;
  return instance;
}

std::optional<std::string> peer_address() {
  const RequestInfo& request = request_info();
  if (request.over_http) return request.peer;
  const char* text = pg::call([]() -> const char* {
    LOCAL_FCINFO(fcinfo, 0);
    InitFunctionCallInfoData(*fcinfo, nullptr, 0, InvalidOid, nullptr, nullptr);
    const Datum address = inet_client_addr(fcinfo);
    return fcinfo->isnull ? nullptr : DatumGetCString(DirectFunctionCall1(inet_out, address));
  });
  return text == nullptr ? std::nullopt : std::optional<std::string>(text);
}

namespace audit {

using pg::Value;

namespace {

std::optional<Evidence> pending;

Value jsonb_or_null(const std::string& text) { return text.empty() ? Value::null(JSONBOID) : Value::jsonb(text); }
Value text_or_null(const std::string& text) { return text.empty() ? Value::null(TEXTOID) : Value::text(text); }

struct Actor {
  std::string type, id;
  std::optional<core::Uuid> session;
};

Actor actor_of(const Event& event) {
  const Context* context = context::current();
  if (event.actor)
    return {"user", core::format_uuid(*event.actor),
            context != nullptr && context->user == *event.actor ? std::optional(context->session) : std::nullopt};
  if (context != nullptr) return {"user", core::format_uuid(context->user), context->session};
  if (request_info().over_http) return {"anonymous", {}, std::nullopt};
  return {"database", std::string("db:") + pg::call([] { return GetUserNameFromId(GetOuterUserId(), false); }),
          std::nullopt};
}

std::string collect(const std::vector<FieldChange>& changes, std::string FieldChange::*side) {
  std::string text;
  core::JsonWriter json(text);
  json.begin_object();
  for (const FieldChange& change : changes)
    if (change.before != change.after) json.raw_member(change.name, change.*side);
  json.end_object();
  return text;
}

}  // namespace

Origin origin_of(const Event& event) {
  const Actor actor = actor_of(event);
  return {core::uuid7(), GetCurrentTransactionStartTimestamp(),
          actor.type,    actor.id,
          actor.session, request_info().request_id,
          peer_address()};
}

core::Uuid record(const Event& event) {
  const Origin origin = origin_of(event);
  write(event, origin);
  return origin.id;
}

void write(const Event& event, const Origin& origin) {
  static pg::Statement in_tenant(
      "INSERT INTO factory.audit_events VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)");
  static pg::Statement on_platform(
      "INSERT INTO factory.platform_events VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)");
  const std::array<Value, 15> columns = {event.tenant ? Value::uuid(*event.tenant) : Value::null(UUIDOID),
                                         Value::uuid(origin.id),
                                         Value::timestamp(origin.at),
                                         Value::text(event.action),
                                         Value::text(event.outcome),
                                         Value::text(origin.actor_type),
                                         text_or_null(origin.actor_id),
                                         Value::optional_uuid(origin.session),
                                         text_or_null(event.target_type),
                                         text_or_null(event.target_id),
                                         text_or_null(origin.request_id),
                                         origin.peer ? Value::input(INETOID, *origin.peer) : Value::null(INETOID),
                                         jsonb_or_null(event.before),
                                         jsonb_or_null(event.after),
                                         jsonb_or_null(event.metadata)};
  // The platform's own log is the same without the workspace.
  const std::span<const Value> values = std::span(columns).subspan(event.tenant ? 0 : 1);
  if (!pg::append(platform_relation(event.tenant ? "audit_events" : "platform_events"), values)) {
    const AsOwner owner;
    const pg::Connection connection;
    if (event.tenant) {
      const context::TenantScope scope(*event.tenant);
      in_tenant.run(values);
    } else {
      on_platform.run(values);
    }
  }
  if (event.tenant) webhooks::publish({event, origin.id, origin.at, origin.actor_type, origin.actor_id});
}

void refuse(Evidence evidence, core::Problem problem) {
  pending = std::move(evidence);
  throw problem;
}

std::optional<Evidence> take_evidence() { return std::exchange(pending, std::nullopt); }

std::string before_of(const std::vector<FieldChange>& changes) { return collect(changes, &FieldChange::before); }
std::string after_of(const std::vector<FieldChange>& changes) { return collect(changes, &FieldChange::after); }

}  // namespace audit

}  // namespace factory::api
