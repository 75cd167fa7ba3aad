#include "core/rate_policy.hpp"

#include <gtest/gtest.h>

namespace factory::core {
namespace {

RatePolicy row(PolicySource source, std::int64_t burst, std::int64_t count, std::int64_t period) {
  RatePolicy policy;
  policy.name = policy.operation_class = "api";
  policy.strategy = Strategy::tenant_user;
  policy.source = source;
  policy.burst = burst;
  policy.count = count;
  policy.period = period;
  return policy;
}

RatePolicy of_plan(const char* plan, std::int64_t burst) {
  RatePolicy policy = row(PolicySource::plan, burst, burst, 60);
  policy.plan = plan;
  return policy;
}

std::int64_t burst_of(std::vector<RatePolicy> platform, std::vector<RatePolicy> tenant,
                      std::optional<std::string> plan = {}) {
  const auto policies = resolve_policies(platform, tenant, plan, "api", "api");
  return policies.empty() ? 0 : policies.front().burst;
}

TEST(RatePolicy, TheWorkspaceComesBeforeThePlanAndThatBeforeTheClass) {
  const std::vector<RatePolicy> platform{row(PolicySource::platform, 100, 100, 60), of_plan("pro", 300)};
  EXPECT_EQ(burst_of(platform, {}), 100);
  EXPECT_EQ(burst_of(platform, {}, "free"), 100);
  EXPECT_EQ(burst_of(platform, {}, "pro"), 300);
  EXPECT_EQ(burst_of(platform, {row(PolicySource::operator_, 900, 900, 60)}, "pro"), 900);
}

TEST(RatePolicy, WhatIsNotShippedStandsInForWhatIs) {
  RatePolicy shipped = row(PolicySource::platform, 100, 100, 60);
  shipped.shipped = true;
  const RatePolicy changed = row(PolicySource::platform, 7, 7, 60);
  EXPECT_EQ(burst_of({shipped, changed}, {}), 7);
  EXPECT_EQ(burst_of({changed, shipped}, {}), 7);
}

TEST(RatePolicy, AWorkspaceCanOnlyTighten) {
  const RatePolicy platform = row(PolicySource::platform, 100, 100, 60);
  EXPECT_EQ(burst_of({platform}, {row(PolicySource::workspace, 5, 5, 60)}), 5);
  EXPECT_EQ(burst_of({platform}, {row(PolicySource::workspace, 500, 5, 60)}), 100);
  const auto quick =
      resolve_policies(std::vector{platform}, std::vector{row(PolicySource::workspace, 50, 1000, 1)}, {}, "api", "api");
  ASSERT_EQ(quick.size(), 1U);
  EXPECT_EQ(quick[0].burst, 50);
  EXPECT_EQ(quick[0].count, 100);
  EXPECT_EQ(quick[0].period, 60);
  EXPECT_EQ(quick[0].source, PolicySource::workspace);
}

TEST(RatePolicy, DisabledMeansNoLimitByThePlatformAndNothingByTheWorkspace) {
  RatePolicy off = row(PolicySource::platform, 100, 100, 60);
  off.enabled = false;
  EXPECT_EQ(burst_of({off}, {}), 0);
  EXPECT_EQ(burst_of({off}, {row(PolicySource::workspace, 5, 5, 60)}), 5);
  RatePolicy own_off = row(PolicySource::workspace, 5, 5, 60);
  own_off.enabled = false;
  EXPECT_EQ(burst_of({row(PolicySource::platform, 100, 100, 60)}, {own_off}), 100);
}

TEST(RatePolicy, AnUnknownClassIsTreatedAsTheFallback) {
  const std::vector<RatePolicy> platform{row(PolicySource::platform, 100, 100, 60)};
  EXPECT_EQ(resolve_policies(platform, {}, {}, "bookings", "api").size(), 1U);
  EXPECT_EQ(resolve_policies(platform, {}, {}, "bookings", "public").size(), 0U);
  RatePolicy bookings = row(PolicySource::platform, 3, 3, 60);
  bookings.operation_class = "bookings";
  const std::vector<RatePolicy> both{platform[0], bookings};
  EXPECT_EQ(resolve_policies(both, {}, {}, "bookings", "api").front().burst, 3);
}

TEST(RatePolicy, EachStrategyHasItsOwn) {
  RatePolicy by_address = row(PolicySource::platform, 30, 30, 60);
  by_address.strategy = Strategy::ip;
  const auto policies =
      resolve_policies(std::vector{row(PolicySource::platform, 100, 100, 60), by_address}, {}, {}, "api", "api");
  ASSERT_EQ(policies.size(), 2U);
  EXPECT_EQ(policies[0].strategy, Strategy::ip);
}

TEST(RatePolicy, NamesGoBothWays) {
  for (const char* name : {"ip", "tenant", "tenant_user", "api_key", "token", "account"})
    EXPECT_EQ(strategy_name(*find_strategy(name)), name);
  EXPECT_FALSE(find_strategy("host"));
}

TEST(RatePolicy, ComparesBurstAndAverage) {
  const RatePolicy base = row(PolicySource::platform, 100, 100, 60);
  EXPECT_FALSE(base.looser_than(base));
  EXPECT_TRUE(row(PolicySource::workspace, 101, 1, 60).looser_than(base));
  EXPECT_TRUE(row(PolicySource::workspace, 1, 2, 1).looser_than(base));
  EXPECT_FALSE(row(PolicySource::workspace, 100, 5, 3).looser_than(base));
}

}  // namespace
}  // namespace factory::core
