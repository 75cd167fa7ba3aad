// Requests of each workspace, counted in shared memory so that a reading call locks no row, and brought to the accounts in
// batches. A crash of the server loses what was not brought there yet.
#pragma once

#include "api/declarations.hpp"

namespace factory::api::quota {

// Counts one HTTP call of a workspace. Throws plan_limit for a writing one when the month's requests are used up, but for
// those that billing needs; reading goes on.
void count_request(const Declaration& declaration, const core::Uuid& tenant, bool reads);

// What was counted since the last flush that committed, of this month.
std::int64_t unflushed_requests(const core::Uuid& tenant);

// Adds all counts to the accounts, when the transaction commits; nothing while another session is at it. missed: requests
// that found no room in the memory since the last time.
struct Flushed {
  std::int64_t tenants = 0, requests = 0, missed = 0;
};
Flushed flush_requests();

}  // namespace factory::api::quota
