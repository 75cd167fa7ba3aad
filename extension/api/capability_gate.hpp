// The gate: one piece of code that every call of a declared function passes, over HTTP and over direct SQL alike. It hangs
// on fmgr_hook, so a declared function passes it at its start whatever language it is written in.
#pragma once

#include "api/declarations.hpp"

namespace factory::api::gate {

// Installs the function manager hooks; called once at load.
void install();

// Throws unless the current context may run the declared function: no_context, token_expired, session_ended, forbidden.
void check(const Declaration& declaration);

// Throws unless somebody is signed in and the token has not expired by the clock.
void require_user();
void require_capability(core::Capability capability);

// Marks a function that serve has gated already, for the life of the object: its call passes, and it may be inlined into
// serve's plan.
class Passed {
 public:
  explicit Passed(Oid function);
  ~Passed();
  Passed(const Passed&) = delete;
  Passed& operator=(const Passed&) = delete;

 private:
  Oid before_;
};

}  // namespace factory::api::gate
