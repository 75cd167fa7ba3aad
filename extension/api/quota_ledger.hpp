// What a workspace may use by its plan: one account for each metric and period, changed by single statements whose row
// lock makes the limit exact however many change it at once.
#pragma once

#include "core/quota.hpp"
#include "pg/spi.hpp"

namespace factory::api::quota {

// All of them throw plan_limit, with the plan that would fit, when the plan does not allow `amount` more. Amounts are 0 to
// core::kMostQuotaAmount.

// Uses an amount at once.
void use(const core::Uuid& tenant, const core::QuotaMetric& metric, std::int64_t amount);

// Gives back what was used of a metric without period.
void give_back(const core::Uuid& tenant, const core::QuotaMetric& metric, std::int64_t amount);

// Sets an amount aside for some seconds and names the reservation.
core::Uuid reserve(const core::Uuid& tenant, const core::QuotaMetric& metric, std::int64_t amount, int seconds);

// Ends a reservation: `actual`, more or less than was set aside, is used in its period; release uses nothing. A lapsed one
// is settled too, for what was used was used. Throws reservation_gone.
void settle(const core::Uuid& tenant, const core::Uuid& reservation, std::int64_t actual);
void release(const core::Uuid& tenant, const core::Uuid& reservation);

// Lets nobody else count this metric of the workspace until the transaction ends: for what is counted from its own rows.
void lock(const core::Uuid& tenant, const core::QuotaMetric& metric);

// Throws unless `count` in all is allowed, of which `amount` are asked for now.
void check_count(const core::Uuid& tenant, const core::QuotaMetric& metric, std::int64_t count, std::int64_t amount);

// The people of a workspace, and how many more its open invitations may bring.
struct Members {
  std::int64_t joined, invited;
};
Members count_members(const core::Uuid& tenant);

// Throws unless one more may be invited, or join. Locks until the transaction ends.
void check_invitation(const core::Uuid& tenant);
void check_join(const core::Uuid& tenant);

// Adds what was counted elsewhere, whatever the limit; whether the account is at its limit afterwards.
bool add(const core::Uuid& tenant, const core::QuotaMetric& metric, TimestampTz period_start, std::int64_t amount);

// The start of the period that a metric is in now.
TimestampTz period_start(const core::QuotaMetric& metric);

// Releases what has lapsed and forgets what is over, of one workspace; how many rows changed.
std::int64_t clean_up(const core::Uuid& tenant);

}  // namespace factory::api::quota
