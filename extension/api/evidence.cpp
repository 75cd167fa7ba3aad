#include "api/evidence.hpp"

#include "api/account_lock.hpp"
#include "api/context.hpp"
#include "api/evidence_ring.hpp"
#include "api/rate_limits.hpp"
#include "api/request_info.hpp"
#include "api/sessions.hpp"
#include "core/json_writer.hpp"
#include "pg/background.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/xlog.h"
#include "mb/pg_wchar.h"
}

namespace factory::api::evidence {

using core::Problem;
using evidence_ring::Record;

namespace {

constexpr std::size_t most_at_once = 256;
constexpr long sure_wait_ms = 5000;

// As much of the text as fits, cut between characters.
template <std::size_t Size>
void put(char (&field)[Size], const std::string& text) {
  const int fits = pg_mbcliplen(text.data(), static_cast<int>(std::min(text.size(), std::size_t{65536})), Size - 1);
  std::memcpy(field, text.data(), static_cast<std::size_t>(fits));
  field[fits] = '\0';
}

Record record_of(const audit::Evidence& left) {
  const audit::Event& event = left.event;
  const audit::Origin origin = audit::origin_of(event);
  Record record;
  std::memset(&record, 0, sizeof record);
  record.id = origin.id;
  record.at = GetCurrentTimestamp();
  if ((record.has_tenant = event.tenant.has_value())) record.tenant = *event.tenant;
  if ((record.has_session = origin.session.has_value())) record.session = *origin.session;
  if ((record.ends_session = left.ends_session.has_value())) record.ending_session = *left.ends_session;
  if ((record.locks_account = left.locks_account.has_value())) {
    put(record.lock_subject, left.locks_account->subject);
    record.number = left.locks_account->seconds;
    record.lock_failures = left.locks_account->failures;
  }
  put(record.outcome, event.outcome);
  put(record.actor_type, origin.actor_type);
  put(record.action, event.action);
  put(record.actor_id, origin.actor_id);
  put(record.target_type, event.target_type);
  put(record.target_id, event.target_id);
  put(record.request_id, origin.request_id);
  put(record.peer, origin.peer.value_or(""));
  // JSON that was cut would be none.
  put(record.metadata, event.metadata.size() < sizeof record.metadata ? event.metadata : "{\"clipped\":true}");
  return record;
}

Record record_of(const block_log::Entry& entry) {
  Record record;
  std::memset(&record, 0, sizeof record);
  record.is_block = true;
  record.at = entry.minute;
  record.number = entry.hits;
  if ((record.has_tenant = entry.block.tenant.has_value())) record.tenant = *entry.block.tenant;
  put(record.action, entry.block.policy);
  put(record.target_type, entry.block.strategy);
  put(record.target_id, entry.block.subject);
  put(record.peer, entry.block.peer.value_or(""));
  return record;
}

std::optional<std::string> peer_of(const Record& record) {
  return record.peer[0] != '\0' ? std::optional<std::string>(record.peer) : std::nullopt;
}

void write_block(const Record& record) {
  block_log::Block block{record.has_tenant ? std::optional(record.tenant) : std::nullopt, record.action,
                         record.target_type, record.target_id, peer_of(record)};
  block_log::write({std::move(block), record.at, record.number});
}

void write_event(const Record& record) {
  audit::Event event;
  event.action = record.action;
  event.outcome = record.outcome;
  if (record.has_tenant) event.tenant = record.tenant;
  event.target_type = record.target_type;
  event.target_id = record.target_id;
  event.metadata = record.metadata;
  audit::Origin origin;
  origin.id = record.id;
  origin.at = record.at;
  origin.actor_type = record.actor_type;
  origin.actor_id = record.actor_id;
  if (record.has_session) origin.session = record.session;
  origin.request_id = record.request_id;
  origin.peer = peer_of(record);
  audit::write(event, origin);
}

// Commits what the records ask for. Returns those whose session somebody else holds at the moment.
std::vector<Record> commit(const std::vector<Record>& records, bool (*is_there)()) {
  std::vector<Record> again;
  pg::background::in_transaction([&] {
    if (!is_there()) return;
    for (const Record& record : records) {
      if (record.is_block) {
        write_block(record);
        continue;
      }
      if (!record.event_is_written) {
        write_event(record);
        if (record.locks_account) write_lock({record.lock_subject, record.number, record.lock_failures});
      }
      if (!record.ends_session || sessions::try_end(record.ending_session, sessions::token_reused)) continue;
      again.push_back(record);
      again.back().event_is_written = true;
    }
  });
  return again;
}

// A record that no table takes would keep all later ones waiting.
bool is_hopeless(const std::exception& trouble) {
  const auto* error = dynamic_cast<const pg::PostgresError*>(&trouble);
  return error != nullptr && (error->sqlstate().starts_with("22") || error->sqlstate().starts_with("23"));
}

void write_count_of_refused(bool (*is_there)()) {
  const std::uint64_t count = evidence_ring::refused();
  if (count == 0) return;
  pg::background::in_transaction([&] {
    if (!is_there()) return;
    audit::Event event;
    event.action = "evidence.lost";
    event.outcome = "failed";
    event.metadata = "{\"count\":" + std::to_string(count) + "}";
    audit::record(event);
  });
  evidence_ring::forget_refused(count);
}

// {"code": ..., "function": ...} of a refused call.
std::string call_facts(const Problem& problem, const Declaration* declaration) {
  constexpr std::size_t longest_signature = 200;
  std::string json;
  core::JsonWriter writer(json);
  writer.begin_object().member("code", problem.kind().code);
  if (declaration != nullptr && declaration->signature.size() <= longest_signature)
    writer.member("function", declaration->signature);
  writer.end_object();
  return json;
}

audit::Evidence refused_call(const Problem& problem, Oid function) {
  const Declaration* declaration = declarations::find(function);
  audit::Event event;
  event.action = declaration != nullptr && declaration->audit_action ? *declaration->audit_action : "call.refused";
  event.outcome = "denied";
  const Context* context = context::current();
  if (context != nullptr && context->has_tenant) event.tenant = context->tenant;
  event.metadata = call_facts(problem, declaration);
  return {event};
}

// Runs where a problem is about to become a Postgres error. serve() has its own subtransaction and writes by itself.
void observe(const Problem& problem, Oid function) {
  if (request_info().over_http || !IsTransactionState()) return;
  const std::optional<audit::Evidence> own = audit::take_evidence();
  if (const std::optional<block_log::Entry> block = rate_limits::take_block(); block && evidence_ring::is_served())
    evidence_ring::put(record_of(*block));
  const int status = problem.kind().status;
  if (!own && status != 401 && status != 403) return;
  leave(own ? *own : refused_call(problem, function));
}

}  // namespace

void install() { pg::refusal_observer = observe; }

void leave(const audit::Evidence& left) {
  if (!evidence_ring::is_served()) return;
  const std::optional<std::uint64_t> number = evidence_ring::put(record_of(left));
  if (number && pg::settings::evidence_wait_ms > 0) evidence_ring::await(*number, pg::settings::evidence_wait_ms);
}

void leave_first(const audit::Event& event) {
  if (!evidence_ring::is_served())
    throw Problem("evidence_unavailable", RecoveryInProgress() ? "this is a standby: ask the primary"
                                                               : "factory.database names another database");
  const std::optional<std::uint64_t> number = evidence_ring::put(record_of({event}));
  if (!number) throw Problem("evidence_unavailable", "there is no room for it");
  if (!evidence_ring::await(*number, sure_wait_ms))
    throw Problem("evidence_unavailable", "the background worker has not written it");
}

bool is_waiting() {
  const evidence_ring::Status status = evidence_ring::status();
  return status.waiting > 0 || evidence_ring::refused() > 0;
}

bool drain(bool (*is_there)()) {
  bool settled = true;
  std::size_t batch = most_at_once;
  for (std::size_t left = evidence_ring::status().waiting; left > 0;) {
    const std::vector<Record> records = evidence_ring::oldest(std::min(left, batch));
    std::vector<Record> again;
    try {
      again = commit(records, is_there);
    } catch (const std::exception& trouble) {
      if (records.size() > 1) {
        batch = 1;
        continue;
      }
      if (!is_hopeless(trouble)) throw;
      const char* what = trouble.what();
      pg::call([what] { ereport(LOG, (errmsg("platform_factory worker: an event cannot be written: %s", what))); });
    }
    // Nothing between the commit and this can fail or be interrupted, so no record is written twice.
    evidence_ring::take(records.size(), again);
    left -= records.size();
    settled = settled && again.empty();
  }
  write_count_of_refused(is_there);
  return settled;
}

}  // namespace factory::api::evidence
