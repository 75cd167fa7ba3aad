// Who is calling, and in which workspace. Carried by the setting factory.context, whose check hook refuses every value
// that this file is not minting at that moment: transaction and savepoint rollback, DISCARD ALL and parallel workers then
// behave by the server's own rules, and no SET, set_config, ALTER ROLE or function clause can forge or replay it.
#pragma once

#include "core/roles.hpp"
#include "core/uuid.hpp"
#include "pg/scope.hpp"

namespace factory::api {

struct Context {
  core::Uuid user;
  core::Uuid session;
  core::Uuid tenant;
  bool has_tenant;
  bool for_session;  // outlives the transaction
  std::int32_t assurance;
  core::CapabilitySet capabilities;
  TimestampTz expires_at;
  char role[64];
};
static_assert(std::is_trivially_copyable_v<Context>);

namespace context {

// Defines the setting and the callbacks; called once at load.
void install();

// What current() answers in the statement that began at `since`; whatever may change the answer forgets it.
struct Verdict {
  TimestampTz since = DT_NOBEGIN;
  const Context* context = nullptr;
};
extern Verdict verdict;
const Context* decide(TimestampTz statement_start);

// The context when it may be used now: the statement began before its expiry, the session behind a session-long one was
// verified in this transaction, and nobody signed out. Otherwise nullptr. Policies ask once a row, so it is a comparison.
inline const Context* current() {
  const TimestampTz statement_start = GetCurrentStatementStartTimestamp();
  return verdict.since == statement_start ? verdict.context : decide(statement_start);
}

// Whether there is a context whose time is over by the clock.
bool is_expired();

// Whether a session-long context is set, verified in this transaction or not.
bool is_session_long();

// What factory.tenant_id() shows: the tenant of a TenantScope, else of the current context.
const core::Uuid* visible_tenant();

// Makes `context` the current one, until the transaction or (for_session) the session ends. Throws
// one_tenant_per_transaction when this transaction belongs to another workspace already or has signed out.
void mint(const Context& context);
void sign_out();

// Whether this transaction may sign in to `tenant`; throws otherwise.
void check_switch(const std::optional<core::Uuid>& tenant);

// Sees one workspace's rows without a context: for our own statements only, while the platform verifies or acts.
class TenantScope {
 public:
  explicit TenantScope(const core::Uuid& tenant);
  ~TenantScope();
  TenantScope(const TenantScope&) = delete;
  TenantScope& operator=(const TenantScope&) = delete;

 private:
  core::Uuid tenant_;
  const core::Uuid* before_;
};

// Verifies a session-long context at the first use in a transaction; set by verification.cpp.
extern bool (*verify_session)(const Context& context);

}  // namespace context

// Oid of a factory_* role.
Oid owner_role();
Oid app_role();
Oid operator_role();

// Where the platform's own statements run although the session's user called none of its functions, as in a hook: as
// factory_owner, and with nothing of a user on the search path.
class AsOwner {
 public:
  AsOwner() : owner_(owner_role(), SECURITY_LOCAL_USERID_CHANGE) {}

 private:
  pg::PinnedPath path_;
  pg::RunAs owner_;
};

// Oid of a relation of the platform; InvalidOid in a database that does not hold it, though somebody's own schema there may
// bear the same name.
Oid platform_relation(const char* name);

// Whether the database login behind the call is a superuser or a factory_operator.
bool caller_is_operator();

}  // namespace factory::api
