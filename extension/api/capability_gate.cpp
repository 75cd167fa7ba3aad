#include "api/capability_gate.hpp"

#include "api/context.hpp"
#include "core/problem.hpp"

namespace factory::api::gate {

using core::Problem;

namespace {

needs_fmgr_hook_type next_needs_hook = nullptr;
fmgr_hook_type next_hook = nullptr;
Oid passed = InvalidOid;

bool needs_hook(Oid function) {
  if (next_needs_hook != nullptr && next_needs_hook(function)) return true;
  if (function == passed || !IsTransactionState()) return false;
  return pg::entry([function] {
    const Declaration* declaration = declarations::find(function);
    return declaration != nullptr && declaration->gated();
  });
}

void hook(FmgrHookEventType event, FmgrInfo* function, Datum* private_data) {
  if (event == FHET_START && function->fn_oid != passed && IsTransactionState()) {
    pg::entry(
        [function] {
          const Declaration* declaration = declarations::find(function->fn_oid);
          if (declaration != nullptr && declaration->gated()) check(*declaration);
        },
        function->fn_oid);
  }
  if (next_hook != nullptr) next_hook(event, function, private_data);
}

}  // namespace

void install() {
  next_needs_hook = needs_fmgr_hook;
  needs_fmgr_hook = needs_hook;
  next_hook = fmgr_hook;
  fmgr_hook = hook;
}

void require_user() {
  // A statement may run for long, and a transaction longer: here the clock counts.
  if (context::is_expired()) throw Problem("token_expired");
  if (context::current() == nullptr) throw Problem("no_context");
}

void require_capability(core::Capability capability) {
  require_user();
  const Context* context = context::current();
  if (!context->has_tenant) throw Problem("no_context", "nobody is signed in to a workspace");
  if (!core::has(context->capabilities, capability))
    throw Problem("forbidden", std::string("this needs the capability ") + core::capability_name(capability));
}

void check(const Declaration& declaration) {
  switch (declaration.requires_what) {
    case Requires::anyone:
      return;
    case Requires::user:
      return require_user();
    case Requires::capability:
      return require_capability(declaration.capability);
    case Requires::operator_role:
      if (!caller_is_operator()) throw Problem("forbidden", "this is for operators of the platform");
      return;
  }
}

Passed::Passed(Oid function) : before_(passed) { passed = function; }
Passed::~Passed() { passed = before_; }

}  // namespace factory::api::gate
