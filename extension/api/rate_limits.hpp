// What one call costs its caller: the policies of its class are asked before it runs.
#pragma once

#include "api/block_log.hpp"
#include "api/context.hpp"
#include "api/declarations.hpp"
#include "api/rate_policies.hpp"

namespace factory::api::rate_limits {

// Counts a call of the function against each policy of its class that fits the caller; throws rate_limited at the first
// that is used up. context: who calls, nullptr for anyone. Addresses count over HTTP alone: behind a database connection
// there is an app's pool, not a client.
void charge(const Declaration& declaration, const Context* context);

// 429 with the seconds to wait, told in the answer's headers as well; writes the refusal to the block log when the call ends.
[[noreturn]] void refuse(const char* code, const core::RatePolicy& policy, const std::string& subject,
                         const std::optional<core::Uuid>& tenant, std::int64_t microseconds);

// Of the HTTP call being answered: RateLimit-Policy and RateLimit of what was asked, or nothing.
struct Headers {
  std::string policies, state;
};
const Headers& headers();

// The row of the block log that the last refusal asks for, if any; once.
std::optional<block_log::Entry> take_block();

// A new call begins: nothing of the one before is left.
void begin();

}  // namespace factory::api::rate_limits
