#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/capability_gate.hpp"
#include "api/statement_rules.hpp"
#include "api/verification.hpp"
#include "core/json_writer.hpp"
#include "core/problem.hpp"
#include "pg/datum.hpp"

namespace factory::api {

using core::Problem;
using core::Uuid;

namespace {

// What a sign-in that was refused leaves: whose token it was, where that is known, and which workspace was asked for.
audit::Evidence failed_sign_in(const Problem& problem, const std::optional<Uuid>& user,
                               const std::optional<Uuid>& tenant) {
  audit::Event event;
  event.action = "call.refused";
  event.outcome = "failed";
  event.actor = user;
  if (tenant) {
    event.target_type = "tenant";
    event.target_id = core::format_uuid(*tenant);
  }
  core::JsonWriter(event.metadata)
      .begin_object()
      .member("code", problem.kind().code)
      .member("function", "factory.sign_in(text,uuid,boolean)")
      .end_object();
  return {event};
}

}  // namespace

FACTORY_FUNCTION(factory_sign_in) {
  if (statement_rules::inside_nonatomic_block())
    throw Problem("one_tenant_per_transaction", "sign in outside of DO and CALL, which may commit on their way");
  const std::string token = pg::text_argument(fcinfo, 0, "token");
  std::optional<Uuid> tenant = pg::optional_uuid(fcinfo, 1);
  const bool for_session = pg::boolean_argument(fcinfo, 2, "for_session");
  context::check_switch(tenant);
  std::optional<Uuid> user;
  Context context;
  try {
    const crypto::JwtClaims claims = verify_access_token(token);
    user = core::parse_uuid(claims.sub);
    if (!tenant) {
      tenant = sole_tenant(establish(claims, std::nullopt, Membership::optional).user);
      context::check_switch(tenant);
    }
    context = establish(claims, tenant, Membership::needed);
  } catch (const Problem& problem) {
    const int status = problem.kind().status;
    if (status == 401 || status == 403 || status == 404) audit::refuse(failed_sign_in(problem, user, tenant), problem);
    throw;
  }
  context.for_session = for_session;
  context::mint(context);
  if (!tenant) {
    fcinfo->isnull = true;
    return Datum(0);
  }
  return pg::uuid_result(*tenant);
}

FACTORY_FUNCTION(factory_sign_out) {
  context::sign_out();
  return Datum(0);
}

// The accessors stand in policies and are called for every row: no guard of theirs can be needed, as none can raise.
extern "C" {

FACTORY_EXPORTED(factory_tenant_id) {
  const Uuid* tenant = context::visible_tenant();
  if (tenant == nullptr) PG_RETURN_NULL();
  PG_RETURN_UUID_P(reinterpret_cast<const pg_uuid_t*>(tenant->data()));
}

FACTORY_EXPORTED(factory_user_id) {
  const Context* context = context::current();
  if (context == nullptr) PG_RETURN_NULL();
  PG_RETURN_UUID_P(reinterpret_cast<const pg_uuid_t*>(context->user.data()));
}

FACTORY_EXPORTED(factory_role_name) {
  const Context* context = context::current();
  if (context == nullptr || !context->has_tenant) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(context->role));
}

FACTORY_EXPORTED(factory_assurance) {
  const Context* context = context::current();
  if (context == nullptr) PG_RETURN_NULL();
  PG_RETURN_INT32(context->assurance);
}

// The bit of the capability that the first argument names, 0 for an unknown name. Policies ask with a constant, once a row:
// that answer is kept with the call site. Anything but a constant may change from call to call.
static constexpr core::CapabilitySet kept = core::CapabilitySet{1} << 31;

[[gnu::noinline]] static core::CapabilitySet read_capability(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(0)) return 0;
  const text* name = PG_GETARG_TEXT_PP(0);
  const std::optional<core::Capability> capability =
      core::find_capability({VARDATA_ANY(name), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(name))});
  const core::CapabilitySet bit = capability ? core::bit(*capability) : 0;
  FmgrInfo* site = fcinfo->flinfo;
  if (site != nullptr && site->fn_expr != nullptr && IsA(site->fn_expr, FuncExpr)) {
    const List* arguments = reinterpret_cast<const FuncExpr*>(site->fn_expr)->args;
    if (list_length(arguments) == 1 && IsA(linitial(arguments), Const))
      site->fn_extra = reinterpret_cast<void*>(static_cast<std::uintptr_t>(bit | kept));
  }
  return bit;
}

// The context, when it holds the capability that the first argument names.
[[gnu::always_inline]] static inline const Context* context_with_capability(FunctionCallInfo fcinfo) {
  const Context* context = context::current();
  if (context == nullptr || !context->has_tenant) return nullptr;
  const FmgrInfo* site = fcinfo->flinfo;
  const auto known =
      site == nullptr ? 0 : static_cast<core::CapabilitySet>(reinterpret_cast<std::uintptr_t>(site->fn_extra));
  const core::CapabilitySet asked = known != 0 ? known & ~kept : read_capability(fcinfo);
  return (context->capabilities & asked) != 0 ? context : nullptr;
}

FACTORY_EXPORTED(factory_can) { PG_RETURN_BOOL(context_with_capability(fcinfo) != nullptr); }

FACTORY_EXPORTED(factory_tenant_with) {
  const Context* context = context_with_capability(fcinfo);
  if (context == nullptr) PG_RETURN_NULL();
  PG_RETURN_UUID_P(reinterpret_cast<const pg_uuid_t*>(context->tenant.data()));
}

}  // extern "C"

FACTORY_FUNCTION(factory_require) {
  const std::string name = pg::text_argument(fcinfo, 0, "capability");
  const std::optional<core::Capability> capability = core::find_capability(name);
  if (!capability)
    throw Problem("validation_failed", "there is no capability of this name; see factory.permission_matrix()");
  gate::require_capability(*capability);
  return Datum(0);
}

FACTORY_FUNCTION(factory_require_found) {
  if (!pg::boolean_argument(fcinfo, 0, "found")) throw core::Problem("not_found");
  return BoolGetDatum(true);
}

FACTORY_FUNCTION(factory_uuid7) {
  (void)fcinfo;
  return pg::uuid_result(core::uuid7());
}

}  // namespace factory::api
