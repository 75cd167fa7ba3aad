#include "api/context.hpp"

#include "core/problem.hpp"
#include "pg/version.hpp"

extern "C" {
#include "catalog/pg_namespace.h"
#include "executor/executor.h"
#include "utils/inval.h"
}

namespace factory::api {

namespace {

constexpr const char* setting_name = "factory.context";
constexpr std::size_t encoded_size = sizeof(Context) * 2;

char* setting_value = nullptr;
Context active;                     // mirrors the setting, by its assign hook
bool present = false;               // `active` holds somebody
const char* minting = nullptr;      // the one value that the check hook accepts right now
const core::Uuid* scope = nullptr;  // tenant of the innermost TenantScope

void forget_verdict() { context::verdict = {}; }

// Facts about one transaction, valid while its local id is the current one: they survive savepoint rollback.
LocalTransactionId tenant_of = InvalidLocalTransactionId;
core::Uuid transaction_tenant;
LocalTransactionId signed_out_in = InvalidLocalTransactionId;
LocalTransactionId verified_in = InvalidLocalTransactionId;
Context verified;  // the session-long context that was found to hold in that transaction

ExecutorStart_hook_type next_executor_start = nullptr;
bool verifying = false;

bool is_now(LocalTransactionId transaction) {
  return LocalTransactionIdIsValid(transaction) && transaction == pg::local_transaction();
}

// A savepoint's rollback may bring back another context than the one that was looked at.
bool is_verified() { return is_now(verified_in) && std::memcmp(&verified, &active, sizeof(Context)) == 0; }

void note_verified(const Context& context) {
  forget_verdict();
  verified = context;
  verified_in = pg::local_transaction();
}

void encode(const Context& context, char* out) {
  static constexpr char digits[] = "0123456789abcdef";
  const auto* bytes = reinterpret_cast<const unsigned char*>(&context);
  for (std::size_t i = 0; i < sizeof(Context); ++i) {
    out[2 * i] = digits[bytes[i] >> 4];
    out[2 * i + 1] = digits[bytes[i] & 15];
  }
  out[encoded_size] = '\0';
}

int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

bool decode(const char* text, Context* context) {
  if (std::strlen(text) != encoded_size) return false;
  auto* bytes = reinterpret_cast<unsigned char*>(context);
  for (std::size_t i = 0; i < sizeof(Context); ++i) {
    const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return true;
}

void note_tenant(const Context& context) {
  const LocalTransactionId now = pg::local_transaction();
  if (!context.has_tenant || !LocalTransactionIdIsValid(now) || is_now(tenant_of)) return;
  tenant_of = now;
  transaction_tenant = context.tenant;
}

// Plain C below: the server calls these three, and they neither throw nor allocate but by guc rules.
bool check_value(char** value, void** extra, GucSource source) {
  const bool empty = (*value)[0] == '\0';
  const bool minted = minting != nullptr && std::strcmp(*value, minting) == 0;
  const bool inherited = InitializingParallelWorker;
  if (!minted && !inherited && !(empty && source == PGC_S_DEFAULT)) {
    GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
    GUC_check_errmsg("factory.context cannot be set");
    GUC_check_errhint("Use factory.sign_in(token, tenant).");
    return false;
  }
  if (empty) return true;
  auto* context = static_cast<Context*>(pg::setting_memory(sizeof(Context)));
  if (context == nullptr) return false;
  if (!decode(*value, context)) {
    pg::free_setting_memory(context);
    return false;
  }
  *extra = context;
  return true;
}

void assign_value(const char*, void* extra) {
  forget_verdict();
  if (present) note_tenant(active);
  present = extra != nullptr;
  if (present) {
    std::memcpy(&active, extra, sizeof(Context));
    note_tenant(active);
  }
}

void transaction_ended(XactEvent event, void*) {
  forget_verdict();
  if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PARALLEL_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
    return;
  minting = nullptr;
  scope = nullptr;
  verifying = false;
}

void subtransaction_ended(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event == SUBXACT_EVENT_ABORT_SUB) minting = nullptr;
}

void set_value(const char* value, GucAction action) {
  const pg::Restored<const char*> window(minting, value);
  pg::call([value, action] {
    set_config_option(setting_name, value, PGC_SUSET, PGC_S_SESSION, action, true, ERROR, false);
  });
}

// A session-long context is worth nothing in a new transaction until its session, membership and workspace were looked at
// again; where they no longer hold it is blanked, so that parallel workers inherit nothing either.
void refresh_session_context() {
  if (!present || verifying || IsParallelWorker()) return;
  bool holds = !is_now(signed_out_in);
  if (holds && active.for_session && !is_verified()) {
    const pg::Restored<bool> once(verifying, true);
    const Context asked = active;
    holds = context::verify_session(asked);
    if (holds) note_verified(asked);
  }
  if (!holds) set_value("", GUC_ACTION_LOCAL);
}

void executor_start(QueryDesc* query, int flags) {
  pg::insist_on_read_only();
  if (present && (active.for_session || is_now(signed_out_in)) && !verifying)
    pg::entry([] { refresh_session_context(); });
  if (next_executor_start)
    next_executor_start(query, flags);
  else
    standard_ExecutorStart(query, flags);
}

// The platform's relations that were found by name, until the server says that they changed.
std::map<std::string, Oid, std::less<>>& relations() {
  static auto* instance = new std::map<std::string, Oid, std::less<>>();
  return *instance;
}

void relation_changed(Datum, Oid relation) {
  std::erase_if(relations(),
                [relation](const auto& entry) { return !OidIsValid(relation) || entry.second == relation; });
}

bool usable(TimestampTz now) {
  if (!present || now >= active.expires_at) return false;
  if (IsParallelWorker()) return true;
  if (is_now(signed_out_in) || (active.for_session && !is_verified())) return false;
  return !(active.has_tenant && is_now(tenant_of) && transaction_tenant != active.tenant);
}

Oid role_oid(Oid& cached, const char* name) {
  if (!OidIsValid(cached)) cached = pg::call([name] { return get_role_oid(name, false); });
  return cached;
}

}  // namespace

namespace context {

bool (*verify_session)(const Context& context) = nullptr;

void install() {
  DefineCustomStringVariable(
      setting_name, "Verified context of the transaction; set by factory.sign_in() alone.", nullptr, &setting_value, "",
      PGC_SUSET, GUC_NO_SHOW_ALL | GUC_DISALLOW_IN_FILE | GUC_NOT_IN_SAMPLE, check_value, assign_value, nullptr);
  RegisterXactCallback(transaction_ended, nullptr);
  CacheRegisterRelcacheCallback(relation_changed, Datum(0));
  RegisterSubXactCallback(subtransaction_ended, nullptr);
  next_executor_start = ExecutorStart_hook;
  ExecutorStart_hook = executor_start;
}

Verdict verdict;

const Context* decide(TimestampTz statement_start) {
  verdict = {statement_start, usable(statement_start) ? &active : nullptr};
  return verdict.context;
}

bool is_expired() { return present && active.expires_at <= GetCurrentTimestamp(); }

bool is_session_long() { return present && active.for_session; }

const core::Uuid* visible_tenant() {
  if (scope != nullptr) return scope;
  const Context* context = current();
  return context != nullptr && context->has_tenant ? &context->tenant : nullptr;
}

void check_switch(const std::optional<core::Uuid>& tenant) {
  if (is_now(signed_out_in)) throw core::Problem("one_tenant_per_transaction", "this transaction has signed out");
  if (!tenant) return;
  const bool other_before = is_now(tenant_of) && transaction_tenant != *tenant;
  const bool other_now = present && active.has_tenant && active.tenant != *tenant;
  if (other_before || other_now)
    throw core::Problem("one_tenant_per_transaction", "this transaction is signed in to another workspace already");
}

void mint(const Context& context) {
  check_switch(context.has_tenant ? std::optional(context.tenant) : std::nullopt);
  char encoded[encoded_size + 1];
  encode(context, encoded);
  set_value(encoded, context.for_session ? GUC_ACTION_SET : GUC_ACTION_LOCAL);
  if (context.for_session) note_verified(context);
}

void sign_out() {
  // Also where the context was found ended and is blank for this transaction only.
  set_value("", GUC_ACTION_SET);
  signed_out_in = pg::local_transaction();
  forget_verdict();
}

TenantScope::TenantScope(const core::Uuid& tenant) : tenant_(tenant), before_(scope) { scope = &tenant_; }
TenantScope::~TenantScope() { scope = before_; }

}  // namespace context

Oid owner_role() {
  static Oid cached = InvalidOid;
  return role_oid(cached, "factory_owner");
}

Oid app_role() {
  static Oid cached = InvalidOid;
  return role_oid(cached, "factory_app");
}

Oid operator_role() {
  static Oid cached = InvalidOid;
  return role_oid(cached, "factory_operator");
}

Oid platform_relation(const char* name) {
  if (const auto found = relations().find(std::string_view(name)); found != relations().end()) return found->second;
  const Oid relation = pg::call([name] {
    HeapTuple tuple = SearchSysCache1(NAMESPACENAME, CStringGetDatum("factory"));
    if (!HeapTupleIsValid(tuple)) return InvalidOid;
    const auto* schema = reinterpret_cast<Form_pg_namespace>(GETSTRUCT(tuple));
    const Oid oid = schema->oid, owner = schema->nspowner;
    ReleaseSysCache(tuple);
    return owner == get_role_oid("factory_owner", true) ? get_relname_relid(name, oid) : InvalidOid;
  });
  if (OidIsValid(relation)) relations().emplace(name, relation);
  return relation;
}

bool caller_is_operator() {
  const Oid caller = GetOuterUserId();
  const Oid role = operator_role();
  return pg::call([caller, role] { return superuser_arg(caller) || has_privs_of_role(caller, role); });
}

}  // namespace factory::api
