// The one way into the audit log.
#pragma once

#include "api/declarations.hpp"
#include "core/problem.hpp"

namespace factory::api::audit {

struct Event {
  std::string action;  // noun.verb_past
  std::string outcome = "success";
  std::optional<core::Uuid> tenant;  // nothing: the platform's own log
  std::optional<core::Uuid> actor;   // nothing: the person of the context, else the database role
  std::string target_type = {}, target_id = {};
  std::string before = {}, after = {}, metadata = {};  // JSON objects, or empty
};

// Writes the event in this transaction, with actor, session, request id and peer of the call, and returns its id. Whose
// rights it runs with makes no difference.
core::Uuid record(const Event& event);

// What an event says beside its author's words: taken where it happens.
struct Origin {
  core::Uuid id;  // of the event; ids grow with time
  TimestampTz at = 0;
  std::string actor_type, actor_id;
  std::optional<core::Uuid> session;
  std::string request_id;
  std::optional<std::string> peer;
};
Origin origin_of(const Event& event);

// The second half of record(), for an event that was taken elsewhere.
void write(const Event& event, const Origin& origin);

// Nobody signs in with this address for a while.
struct AccountLock {
  std::string subject;  // digest of the address
  std::int64_t seconds;
  std::int32_t failures;
};

// Evidence that must outlive the rollback of the call that leaves it: written after the rollback when the call came over
// HTTP, and by the background worker when it came over SQL. A session or an account that it names is ended or locked then
// too.
struct Evidence {
  Event event;
  std::optional<core::Uuid> ends_session = {};
  std::optional<AccountLock> locks_account = {};
};

// Refuses with a problem and leaves evidence.
[[noreturn]] void refuse(Evidence evidence, core::Problem problem);

// Evidence left by refuse() since the last call, if any.
std::optional<Evidence> take_evidence();

// The members of a JSON object that differ in the other: {"role":"viewer"} for {"role":"owner"}.
struct FieldChange {
  std::string name, before, after;  // values as JSON
};
std::string before_of(const std::vector<FieldChange>& changes);
std::string after_of(const std::vector<FieldChange>& changes);

}  // namespace factory::api::audit
