#include "api/capability_gate.hpp"

#include "api/context.hpp"
#include "api/rate_limits.hpp"
#include "api/request_info.hpp"
#include "api/safe_mode.hpp"
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

// What this hook keeps for a call site.
struct Site {
  bool charged;  // a function that returns rows one by one is called for each, and charged for once
  Datum next;    // of the hook behind this one
};

Site& site_of(FmgrInfo* function, Datum* private_data) {
  if (*private_data == Datum(0))
    *private_data =
        PointerGetDatum(pg::call([function] { return MemoryContextAllocZero(function->fn_mcxt, sizeof(Site)); }));
  return *static_cast<Site*>(static_cast<void*>(DatumGetPointer(*private_data)));
}

// A call over direct SQL, or one inside of another's function over HTTP, which has been charged already.
void pass(const Declaration& declaration, FmgrInfo* function, Datum* private_data) {
  const std::shared_ptr<const void> pinned = declarations::pin();
  Site& site = site_of(function, private_data);
  if (!request_info().over_http && !(declaration.returns_set && site.charged)) {
    if (declaration.requires_what != Requires::operator_role) {
      require_user();
      safe_mode::check(declaration);
      rate_limits::charge(declaration, context::current());
    }
    site.charged = true;
  }
  check(declaration);
}

void hook(FmgrHookEventType event, FmgrInfo* function, Datum* private_data) {
  if (event == FHET_START && function->fn_oid != passed && IsTransactionState()) {
    pg::entry(
        [&] {
          const Declaration* declaration = declarations::find(function->fn_oid);
          if (declaration != nullptr && declaration->gated()) pass(*declaration, function, private_data);
        },
        function->fn_oid);
  }
  if (next_hook != nullptr) {
    Site& site = pg::entry([&]() -> Site& { return site_of(function, private_data); });
    next_hook(event, function, &site.next);
  }
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
