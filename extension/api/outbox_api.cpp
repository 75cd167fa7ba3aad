// The outbox: what is queued, what the relays take and report, and what people do about it.
#include "api/outbox.hpp"

#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/fields.hpp"
#include "api/home.hpp"
#include "api/mail.hpp"
#include "api/webhook_events.hpp"
#include "core/json_document.hpp"
#include "core/json_writer.hpp"
#include "core/outbound_url.hpp"
#include "crypto/random.hpp"

extern "C" {
#include "commands/async.h"
}

#include <deque>

namespace factory::api {

using core::Problem;
using core::Uuid;
using outbox::Source;
using pg::Value;

namespace {

constexpr TimestampTz second = USECS_PER_SEC;
constexpr TimestampTz day = USECS_PER_DAY;
constexpr int keep_delivered_days = 7;
constexpr int keep_others_days = 30;
constexpr int most_leased_of_one_tenant = 32;
constexpr int most_rounds_of_a_claim = 100;
constexpr std::size_t longest_detail = 300;
constexpr std::chrono::minutes pause_of_unprepared{5};

const char* const source_names[] = {"webhook", "mail", "platform"};

const char* kind_of(Source source) { return source == Source::mail ? "smtp" : "http"; }

Source source_of(const std::string& name) {
  if (name == "webhook") return Source::webhook;
  return name == "mail" ? Source::mail : Source::platform;
}

core::Channel channel_of(Source source) {
  if (source == Source::webhook) return core::Channel::webhook;
  return source == Source::mail ? core::Channel::smtp : core::Channel::http;
}

std::optional<Uuid> event_tenant(const Uuid& tenant) {
  return tenant == outbox::platform_tenant ? std::nullopt : std::optional(tenant);
}

void wake_relays() {
  pg::call([] { Async_Notify("factory_outbox", ""); });
}

int integer_between(FunctionCallInfo fcinfo, int index, const char* name, int least, int most) {
  const std::optional<std::int32_t> value = pg::optional_integer(fcinfo, index);
  Fields fields;
  if (!value || *value < least || *value > most)
    fields.complain(name, "invalid_value",
                    "it must be an integer from " + std::to_string(least) + " to " + std::to_string(most));
  fields.check();
  return *value;
}

// A number from 0 to below 1.
double jitter() {
  const crypto::Bytes bytes = crypto::random_bytes(4);
  return (bytes[0] << 16 | bytes[1] << 8 | bytes[2]) / 16777216.0;
}

void record(const std::string& action, const std::string& outcome, const Uuid& tenant, const Uuid& id,
            const std::string& topic, const std::string& detail) {
  audit::Event event;
  event.action = action;
  event.outcome = outcome;
  event.tenant = event_tenant(tenant);
  event.target_type = "message";
  event.target_id = core::format_uuid(id);
  core::JsonWriter json(event.metadata);
  json.begin_object().member("topic", topic);
  if (!detail.empty()) json.member("detail", detail);
  json.end_object();
  audit::record(event);
}

// One message as the queue and its own row know it, the queue's row locked.
struct Claimed {
  Uuid tenant, id;
  Source source;
  std::string topic;
  int attempts;
};

// Ends a message; its rows stay for a while for people to read.
void finish(const Claimed& message, const char* status, std::optional<int> answer, const std::string& detail) {
  const TimestampTz now = GetCurrentTimestamp();
  const bool delivered = std::strcmp(status, "delivered") == 0;
  static pg::Statement queue(
      "UPDATE factory.outbox_queue SET finished = true, due_at = $2, lease = NULL, worker = NULL WHERE id = $1");
  queue.run(
      {Value::uuid(message.id), Value::timestamp(now + (delivered ? keep_delivered_days : keep_others_days) * day)});
  static pg::Statement row(
      "UPDATE factory.outbox_messages SET status = $3, attempts = $4, last_status = $5, last_detail = $6,"
      " next_attempt_at = NULL, finished_at = $7 WHERE tenant_id = $1 AND id = $2");
  row.run({Value::uuid(message.tenant), Value::uuid(message.id), Value::text(status), Value::integer(message.attempts),
           answer ? Value::integer(*answer) : Value::null(INT4OID),
           detail.empty() ? Value::null(TEXTOID) : Value::text(detail), Value::timestamp(now)});
  // A mail may hold a token: it stays no longer than somebody may want to send it again.
  if (message.source == Source::mail && std::strcmp(status, "dead") != 0)
    mail::forget_content(message.tenant, message.id);
}

void postpone(const Claimed& message, std::chrono::milliseconds delay, std::optional<int> answer,
              const std::string& detail) {
  const TimestampTz due = GetCurrentTimestamp() + delay.count() * 1000;
  static pg::Statement queue(
      "UPDATE factory.outbox_queue SET due_at = $2, attempts = $3, lease = NULL, worker = NULL WHERE id = $1");
  queue.run({Value::uuid(message.id), Value::timestamp(due), Value::integer(message.attempts)});
  static pg::Statement row(
      "UPDATE factory.outbox_messages SET attempts = $3, last_status = coalesce($4, last_status),"
      " last_detail = coalesce($5, last_detail), next_attempt_at = $6 WHERE tenant_id = $1 AND id = $2");
  row.run({Value::uuid(message.tenant), Value::uuid(message.id), Value::integer(message.attempts),
           answer ? Value::integer(*answer) : Value::null(INT4OID),
           detail.empty() ? Value::null(TEXTOID) : Value::text(detail), Value::timestamp(due)});
}

// Puts together what is sent, as late as possible: with the endpoint's address and secrets of this moment.
std::variant<outbox::Call, outbox::Unsendable> prepare(const Claimed& message, const pg::Rows& rows) {
  if (message.source == Source::webhook)
    return webhooks::prepare(message.tenant, rows.uuid(0, 7), message.id, rows.text(0, 6));
  if (message.source == Source::mail)
    return mail::prepare(message.tenant, message.id, rows.text(0, 4), rows.uuid(0, 8));
  return outbox::Call{rows.text(0, 4), {}, rows.text(0, 5), rows.text(0, 6)};
}

// What is to be sent for a message just taken; nothing for one that ended or waits on instead.
std::optional<outbox::Call> call_of(Claimed& message) {
  static pg::Statement read(
      "SELECT source, topic, status, destination, headers, body, reference, secret_id FROM factory.outbox_messages"
      " WHERE tenant_id = $1 AND id = $2");
  static pg::Statement forget("DELETE FROM factory.outbox_queue WHERE id = $1");
  const context::TenantScope scope(message.tenant);
  const pg::Rows found = read.run({Value::uuid(message.tenant), Value::uuid(message.id)});
  if (found.empty()) {
    forget.run({Value::uuid(message.id)});
    return std::nullopt;
  }
  message.source = source_of(found.text(0, 1));
  message.topic = found.text(0, 2);
  // Each claim counts, so a message that ends the relays themselves ends as well.
  if (message.attempts > core::most_attempts(channel_of(message.source))) {
    finish(message, "dead", std::nullopt, "no relay came to report on it");
    record("outbox.dead", "failed", message.tenant, message.id, message.topic, {});
    return std::nullopt;
  }
  try {
    std::variant<outbox::Call, outbox::Unsendable> prepared = prepare(message, found);
    if (auto* call = std::get_if<outbox::Call>(&prepared)) return std::move(*call);
    finish(message, "discarded", std::nullopt, std::get<outbox::Unsendable>(prepared).detail);
  } catch (const Problem& problem) {
    // No key to open its secret with: the message waits for the operators, and holds nobody else's up.
    postpone(message, pause_of_unprepared, std::nullopt, std::string("it cannot be prepared: ") + problem.what());
  }
  return std::nullopt;
}

// The row of the outbox that people may act on.
Claimed lock_for_people(const Uuid& tenant, const Uuid& id) {
  static pg::Statement find(
      "SELECT source, topic, status, attempts FROM factory.outbox_messages WHERE tenant_id = $1 AND id = $2");
  static pg::Statement lock(
      "SELECT lease IS NOT NULL AND due_at > $2 FROM factory.outbox_queue WHERE id = $1 FOR UPDATE");
  const pg::Rows queued = lock.run({Value::uuid(id), Value::timestamp(GetCurrentTimestamp())});
  const pg::Rows rows = find.run({Value::uuid(tenant), Value::uuid(id)});
  if (rows.empty() || queued.empty()) throw Problem("not_found");
  if (rows.text(0, 3) == "delivered") throw Problem("conflict", "the message is delivered already");
  if (rows.text(0, 3) == "discarded" && rows.text(0, 1) == "mail")
    throw Problem("conflict", "the mail was discarded, and its content with it");
  if (queued.boolean(0, 1)) throw Problem("conflict", "the message is being sent right now");
  return {tenant, id, source_of(rows.text(0, 1)), rows.text(0, 2), rows.integer(0, 4)};
}

void retry(FunctionCallInfo fcinfo, const Uuid& tenant) {
  const Uuid id = pg::uuid_argument(fcinfo, 0, "id");
  const context::TenantScope scope(tenant);
  const pg::Connection connection;
  const Claimed message = lock_for_people(tenant, id);
  static pg::Statement queue(
      "UPDATE factory.outbox_queue SET finished = false, attempts = 0, due_at = $2, lease = NULL WHERE id = $1");
  queue.run({Value::uuid(id), Value::timestamp(GetCurrentTimestamp())});
  static pg::Statement row(
      "UPDATE factory.outbox_messages SET status = 'waiting', attempts = 0, finished_at = NULL,"
      " next_attempt_at = $3 WHERE tenant_id = $1 AND id = $2");
  row.run({Value::uuid(tenant), Value::uuid(id), Value::timestamp(GetCurrentTimestamp())});
  record(declarations::action_of(fcinfo), "success", tenant, id, message.topic, {});
  wake_relays();
}

void discard(FunctionCallInfo fcinfo, const Uuid& tenant) {
  const Uuid id = pg::uuid_argument(fcinfo, 0, "id");
  const context::TenantScope scope(tenant);
  const pg::Connection connection;
  const Claimed message = lock_for_people(tenant, id);
  finish(message, "discarded", std::nullopt, {});
  record(declarations::action_of(fcinfo), "success", tenant, id, message.topic, {});
}

}  // namespace

namespace outbox {

void enqueue(const Message& message) {
  const AsOwner owner;
  const context::TenantScope scope(message.tenant);
  const pg::Connection connection;
  const TimestampTz now = GetCurrentTimestamp(), due = std::max(now, message.not_before);
  const char* kind = kind_of(message.source);
  static pg::Statement row(
      "INSERT INTO factory.outbox_messages (tenant_id, id, kind, source, topic, reference, destination, headers, body,"
      " secret_id, created_at, next_attempt_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");
  row.run({Value::uuid(message.tenant), Value::uuid(message.id), Value::text(kind),
           Value::text(source_names[static_cast<int>(message.source)]), Value::text(message.topic),
           Value::optional_uuid(message.reference), Value::optional_text(message.destination),
           Value::text(message.headers), message.secret_id ? Value::null(BYTEAOID) : Value::bytea(message.body),
           Value::optional_uuid(message.secret_id), Value::timestamp(now), Value::timestamp(due)});
  static pg::Statement queue("INSERT INTO factory.outbox_queue (id, tenant_id, kind, due_at) VALUES ($1, $2, $3, $4)");
  queue.run({Value::uuid(message.id), Value::uuid(message.tenant), Value::text(kind), Value::timestamp(due)});
  wake_relays();
}

void discard_webhooks_of(const Uuid& tenant, const Uuid& endpoint, const std::string& detail) {
  const pg::Connection connection;
  const TimestampTz now = GetCurrentTimestamp();
  // Many may wait, so all at once. One that somebody is about to change is discarded when it is claimed.
  static pg::Statement discard(
      "WITH waiting AS MATERIALIZED ("
      " SELECT q.id FROM factory.outbox_messages m JOIN factory.outbox_queue q ON q.id = m.id"
      " WHERE m.tenant_id = $1 AND m.reference = $2 AND m.status = 'waiting' FOR UPDATE OF q SKIP LOCKED),"
      " ended AS (UPDATE factory.outbox_queue q SET finished = true, due_at = $3, lease = NULL, worker = NULL"
      " FROM waiting WHERE q.id = waiting.id RETURNING q.id)"
      " UPDATE factory.outbox_messages m SET status = 'discarded', last_status = NULL, last_detail = $4,"
      " next_attempt_at = NULL, finished_at = $5 FROM ended WHERE m.tenant_id = $1 AND m.id = ended.id");
  discard.run({Value::uuid(tenant), Value::uuid(endpoint), Value::timestamp(now + keep_others_days * day),
               Value::text(detail), Value::timestamp(now)});
}

}  // namespace outbox

FACTORY_FUNCTION(factory_outbox_claim) {
  const std::string worker = pg::text_argument(fcinfo, 0, "worker");
  const std::vector<std::string> kinds = pg::text_array_argument(fcinfo, 1);
  const int batch = integer_between(fcinfo, 2, "batch", 1, 1000);
  const int lease_seconds = integer_between(fcinfo, 3, "lease_seconds", 1, 3600);
  const bool http = std::find(kinds.begin(), kinds.end(), "http") != kinds.end();
  const bool smtp = std::find(kinds.begin(), kinds.end(), "smtp") != kinds.end();
  // What was queued elsewhere may have been sent there.
  if (!home::trouble().empty()) return pg::rows_result(fcinfo, {});
  const Uuid lease = core::uuid7();
  const TimestampTz now = GetCurrentTimestamp();
  const pg::Connection connection;
  // A workspace whose receivers are slow holds so many places and no more: the others' messages pass it.
  static pg::Statement take(
      "WITH due AS MATERIALIZED ("
      " SELECT q.id FROM factory.outbox_queue q"
      " WHERE NOT q.finished AND q.due_at <= $1 AND (q.kind = 'http' AND $2 OR q.kind = 'smtp' AND $3)"
      "  AND q.tenant_id NOT IN (SELECT l.tenant_id FROM factory.outbox_queue l"
      "   WHERE l.lease IS NOT NULL AND l.due_at > $1 GROUP BY l.tenant_id HAVING count(*) >= $8)"
      " ORDER BY q.due_at LIMIT least($4, $8) FOR UPDATE SKIP LOCKED)"
      " UPDATE factory.outbox_queue q SET due_at = $5, lease = $6, worker = $7, attempts = q.attempts + 1"
      " FROM due WHERE q.id = due.id RETURNING q.tenant_id, q.id, q.attempts");
  std::deque<std::string> texts;
  const auto kept = [&texts](std::string&& text) { return std::string_view(texts.emplace_back(std::move(text))); };
  std::vector<std::vector<Value>> rows;
  // What cannot be sent leaves its place to others at once, however much of it there is.
  for (int round = 0; rows.empty() && round < most_rounds_of_a_claim; ++round) {
    const pg::Rows taken =
        take.run({Value::timestamp(now), Value::boolean(http), Value::boolean(smtp), Value::integer(batch),
                  Value::timestamp(now + lease_seconds * second), Value::uuid(lease), Value::text(worker),
                  Value::bigint(most_leased_of_one_tenant)});
    if (taken.empty()) break;
    for (std::uint64_t i = 0; i < taken.count(); ++i) {
      Claimed message{taken.uuid(i, 1), taken.uuid(i, 2), Source::platform, {}, taken.integer(i, 3)};
      std::optional<outbox::Call> call = call_of(message);
      if (!call) continue;
      rows.push_back({Value::uuid(message.id), Value::uuid(lease),
                      Value::text(std::string_view(kind_of(message.source))), Value::integer(message.attempts),
                      Value::text(kept(std::move(call->destination))), Value::text(kept(std::move(call->sender))),
                      Value::text(kept(std::move(call->headers))), Value::bytea(kept(std::move(call->body)))});
    }
  }
  return pg::rows_result(fcinfo, rows);
}

FACTORY_FUNCTION(factory_outbox_report) {
  const Uuid id = pg::uuid_argument(fcinfo, 0, "id");
  const Uuid lease = pg::uuid_argument(fcinfo, 1, "lease");
  const std::string outcome_text = pg::text_argument(fcinfo, 2, "outcome");
  const std::optional<std::int32_t> answer = pg::optional_integer(fcinfo, 3);
  std::string detail = pg::optional_text(fcinfo, 4).value_or("");
  const std::optional<std::int32_t> retry_after = pg::optional_integer(fcinfo, 5);
  static const std::map<std::string_view, core::Outcome> outcomes = {{"answered", core::Outcome::answered},
                                                                     {"unreachable", core::Outcome::unreachable},
                                                                     {"refused", core::Outcome::refused},
                                                                     {"returned", core::Outcome::returned}};
  const auto outcome = outcomes.find(outcome_text);
  Fields fields;
  if (outcome == outcomes.end())
    fields.complain("outcome", "invalid_value", "it must be answered, unreachable, refused or returned");
  if (outcome_text == "answered" && !answer) fields.complain("status", "required", "an answer has a status");
  if (detail.size() > longest_detail) fields.complain("detail", "too_long", "it must have at most 300 bytes");
  fields.check();
  const pg::Connection connection;
  static pg::Statement lock(
      "SELECT tenant_id, attempts FROM factory.outbox_queue WHERE id = $1 AND lease = $2 AND NOT finished FOR UPDATE"
      " SKIP LOCKED");
  // Whoever holds the row is giving the message up: a relay serves everybody and waits for nobody.
  const pg::Rows queued = lock.run({Value::uuid(id), Value::uuid(lease)});
  if (queued.empty()) return BoolGetDatum(false);
  Claimed message{queued.uuid(0, 1), id, Source::platform, {}, queued.integer(0, 2)};
  const context::TenantScope scope(message.tenant);
  static pg::Statement read(
      "SELECT source, topic, destination, reference FROM factory.outbox_messages WHERE tenant_id = $1 AND id = $2");
  const pg::Rows found = read.run({Value::uuid(message.tenant), Value::uuid(id)});
  if (found.empty()) return BoolGetDatum(false);
  message.source = source_of(found.text(0, 1));
  message.topic = found.text(0, 2);
  const core::Decision decision = core::decide(channel_of(message.source), outcome->second, answer.value_or(0),
                                               message.attempts, retry_after, jitter());
  if (outcome->second == core::Outcome::returned) {
    --message.attempts;
    postpone(message, decision.delay, std::nullopt, {});
    wake_relays();
    return BoolGetDatum(true);
  }
  switch (decision.verdict) {
    case core::Verdict::delivered:
      finish(message, "delivered", answer, detail);
      break;
    case core::Verdict::retry:
      postpone(message, decision.delay, answer, detail);
      break;
    case core::Verdict::dead:
    case core::Verdict::gone:
      finish(message, "dead", answer, detail);
      if (outcome->second == core::Outcome::refused)
        record("outbound.refused", "blocked", message.tenant, id, message.topic, detail);
      else
        record("outbox.dead", "failed", message.tenant, id, message.topic, detail);
      break;
  }
  if (message.source == Source::webhook) webhooks::note(message.tenant, found.uuid(0, 4), decision.verdict);
  return BoolGetDatum(true);
}

FACTORY_FUNCTION(factory_outbox_backlog) {
  const pg::Connection connection;
  static pg::Statement count(
      "SELECT count(*), count(*) FILTER (WHERE due_at <= $1),"
      " coalesce(extract(epoch FROM $1 - min(due_at) FILTER (WHERE due_at <= $1)), 0)::integer"
      " FROM factory.outbox_queue WHERE NOT finished");
  const pg::Rows rows = count.run({Value::timestamp(GetCurrentTimestamp())}, pg::Reads::snapshot);
  return pg::row_result(
      fcinfo, {Value::bigint(rows.bigint(0, 1)), Value::bigint(rows.bigint(0, 2)), Value::integer(rows.integer(0, 3))});
}

FACTORY_FUNCTION(factory_outbox_purge) {
  const int batch = integer_between(fcinfo, 0, "batch", 1, 10000);
  const pg::Connection connection;
  static pg::Statement queue(
      "WITH over AS MATERIALIZED (SELECT id FROM factory.outbox_queue WHERE finished AND due_at <= $1"
      " ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)"
      " DELETE FROM factory.outbox_queue q USING over WHERE q.id = over.id RETURNING q.tenant_id, q.id, q.kind");
  static pg::Statement row("DELETE FROM factory.outbox_messages WHERE tenant_id = $1 AND id = $2");
  const pg::Rows rows = queue.run({Value::timestamp(GetCurrentTimestamp()), Value::integer(batch)});
  for (std::uint64_t i = 0; i < rows.count(); ++i) {
    const Uuid tenant = rows.uuid(i, 1);
    const context::TenantScope scope(tenant);
    const Uuid id = rows.uuid(i, 2);
    row.run({Value::uuid(tenant), Value::uuid(id)});
    if (rows.text(i, 3) == "smtp") mail::forget_content(tenant, id);
  }
  return Int64GetDatum(static_cast<std::int64_t>(rows.count()));
}

FACTORY_FUNCTION(factory_outbox_retry) {
  retry(fcinfo, context::current()->tenant);
  return Datum(0);
}

FACTORY_FUNCTION(factory_outbox_discard) {
  discard(fcinfo, context::current()->tenant);
  return Datum(0);
}

FACTORY_FUNCTION(factory_platform_outbox_retry) {
  retry(fcinfo, outbox::platform_tenant);
  return Datum(0);
}

FACTORY_FUNCTION(factory_platform_outbox_discard) {
  discard(fcinfo, outbox::platform_tenant);
  return Datum(0);
}

FACTORY_FUNCTION(factory_platform_outbox) {
  const int limit = integer_between(fcinfo, 0, "limit", 1, 1000);
  const std::optional<Uuid> before = pg::optional_uuid(fcinfo, 1);
  const context::TenantScope scope(outbox::platform_tenant);
  const pg::Connection connection;
  static pg::Statement list(
      "SELECT id, kind, source, topic, reference, destination, status, attempts, last_status, last_detail, created_at,"
      " next_attempt_at, finished_at FROM factory.outbox_messages WHERE tenant_id = $1 AND ($2 IS NULL OR id < $2)"
      " ORDER BY id DESC LIMIT $3");
  const pg::Rows found = list.run(
      {Value::uuid(outbox::platform_tenant), Value::optional_uuid(before), Value::integer(limit)}, pg::Reads::snapshot);
  const int columns = found.descriptor()->natts;
  std::vector<std::vector<Value>> rows;
  for (std::uint64_t i = 0; i < found.count(); ++i) {
    std::vector<Value>& row = rows.emplace_back();
    for (int column = 1; column <= columns; ++column) {
      bool null;
      const Oid type = TupleDescAttr(found.descriptor(), column - 1)->atttypid;
      const Datum value = found.datum(i, column, &null);
      row.push_back(null ? Value::null(type) : Value::datum(type, value));
    }
  }
  return pg::rows_result(fcinfo, rows);
}

FACTORY_FUNCTION(factory_outbox_post) {
  const std::string url = pg::text_argument(fcinfo, 0, "url");
  const std::string body = pg::text_argument(fcinfo, 1, "body");
  Fields fields;
  const std::string fault = core::outbound_url_fault(url, !outbox::plain_http_is_possible());
  if (!fault.empty()) fields.complain("url", "invalid_value", fault);
  fields.check();
  core::validate_json(body);
  outbox::Message message{.tenant = outbox::platform_tenant,
                          .id = core::uuid7(),
                          .source = Source::platform,
                          .topic = "platform.posted",
                          .destination = url,
                          .body = body};
  if (!PG_ARGISNULL(2)) message.not_before = DatumGetTimestampTz(PG_GETARG_DATUM(2));
  message.headers = "Content-Type: application/json\nIdempotency-Key: " + core::format_uuid(message.id);
  outbox::enqueue(message);
  record(declarations::action_of(fcinfo), "success", outbox::platform_tenant, message.id, message.topic,
         std::string(core::outbound_url_authority(url)));
  return pg::uuid_result(message.id);
}

}  // namespace factory::api
