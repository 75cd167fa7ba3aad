#include "core/gcra.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

namespace factory::core {
namespace {

constexpr std::int64_t second = 1'000'000;

TEST(Gcra, LetsTheBurstThroughAtOnceAndThenTheRate) {
  const Rate rate = *Rate::of(3, 1, 10);
  const std::int64_t start = 50 * second;
  std::int64_t tat = 0;
  for (const std::int64_t left : {2, 1, 0}) {
    const GcraDecision decision = gcra(tat, start, rate, 1);
    EXPECT_FALSE(decision.limited);
    EXPECT_EQ(decision.remaining, left);
    EXPECT_EQ(decision.retry_after, 0);
    tat = decision.tat;
  }
  const GcraDecision refused = gcra(tat, start, rate, 1);
  EXPECT_TRUE(refused.limited);
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_EQ(refused.retry_after, 10 * second);
  EXPECT_EQ(refused.reset_after, 30 * second);
  EXPECT_EQ(refused.tat, tat);
  EXPECT_TRUE(gcra(tat, start + 10 * second - 1, rate, 1).limited);
  EXPECT_FALSE(gcra(tat, start + 10 * second, rate, 1).limited);
}

TEST(Gcra, RetryAfterIsTheFirstMomentAtWhichTheCallPasses) {
  std::mt19937_64 random(4711);
  for (int round = 0; round < 20000; ++round) {
    const auto pick = [&random](std::int64_t most) { return 1 + static_cast<std::int64_t>(random() % most); };
    const std::optional<Rate> rate = Rate::of(pick(50), pick(50), pick(100));
    ASSERT_TRUE(rate);
    const std::int64_t now = pick(1'000'000) * second;
    const std::int64_t tat = now - 5 * second + static_cast<std::int64_t>(random() % (2 * rate->window() + 1));
    const std::int64_t cost = pick(rate->burst());
    const GcraDecision decision = gcra(tat, now, *rate, cost);
    if (!decision.limited) {
      EXPECT_EQ(decision.retry_after, 0);
      EXPECT_GE(decision.remaining, 0);
      EXPECT_LE(decision.tat - now, rate->window());
      continue;
    }
    EXPECT_LT(decision.remaining, cost);
    EXPECT_TRUE(gcra(decision.tat, now + decision.retry_after - 1, *rate, cost).limited);
    EXPECT_FALSE(gcra(decision.tat, now + decision.retry_after, *rate, cost).limited);
  }
}

// In no stretch of time do more pass than the burst and what the rate gives back meanwhile.
TEST(Gcra, NeverExceedsBurstAndRateInAnyWindow) {
  std::mt19937_64 random(23);
  const Rate rate = *Rate::of(5, 7, 3);
  std::vector<std::int64_t> passed;
  std::int64_t tat = 0, now = second;
  for (int call = 0; call < 5000; ++call) {
    now += static_cast<std::int64_t>(random() % 300'000);
    const GcraDecision decision = gcra(tat, now, rate, 1);
    tat = decision.tat;
    if (!decision.limited) passed.push_back(now);
  }
  for (std::size_t first = 0; first < passed.size(); ++first)
    for (std::size_t last = first; last < passed.size(); ++last)
      ASSERT_LE(static_cast<std::int64_t>(last - first + 1),
                rate.burst() + (passed[last] - passed[first]) * 7 / (3 * second) + 1);
}

TEST(Gcra, LooksWithoutCounting) {
  const Rate rate = *Rate::of(2, 2, 60);
  const GcraDecision look = gcra(0, 100, rate, 0);
  EXPECT_FALSE(look.limited);
  EXPECT_EQ(look.remaining, 2);
  EXPECT_EQ(look.reset_after, 0);
  const GcraDecision whole = gcra(0, 100, rate, 2);
  EXPECT_FALSE(whole.limited);
  EXPECT_FALSE(gcra(whole.tat, 100, rate, 0).limited);
  EXPECT_EQ(gcra(whole.tat, 100, rate, 0).remaining, 0);
}

TEST(Gcra, ATatOfAnotherRateCountsAsAUsedUpBurstAtMost) {
  const Rate slow = *Rate::of(1, 1, 86'400), quick = *Rate::of(10, 10, 10);
  const std::int64_t now = 7 * second;
  const std::int64_t tat = gcra(0, now, slow, 1).tat;
  const GcraDecision decision = gcra(tat, now, quick, 1);
  EXPECT_TRUE(decision.limited);
  EXPECT_EQ(decision.retry_after, second);
}

TEST(Gcra, TakesTheLargestAndSmallestValues) {
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  EXPECT_FALSE(Rate::of(most, 1, most));
  EXPECT_FALSE(Rate::of(0, 1, 1));
  EXPECT_FALSE(Rate::of(1, 0, 1));
  EXPECT_FALSE(Rate::of(1, 1, 0));
  EXPECT_FALSE(Rate::of(1, 1'000'001, 1));
  EXPECT_FALSE(Rate::of(1, 1, 366 * 86'400 + 1));
  EXPECT_FALSE(Rate::of(401, 1, 86'400));
  ASSERT_TRUE(Rate::of(400, 1, 86'400));
  ASSERT_TRUE(Rate::of(most, 1'000'000, 1));
  for (const Rate& rate : {*Rate::of(400, 1, 86'400), *Rate::of(most, 1'000'000, 1)})
    for (const std::int64_t now : {std::int64_t{0}, std::int64_t{1} << 61})
      for (const std::int64_t tat :
           {std::numeric_limits<std::int64_t>::min(), std::int64_t{0}, std::numeric_limits<std::int64_t>::max()}) {
        const GcraDecision decision = gcra(tat, now, rate, rate.burst());
        EXPECT_GE(decision.remaining, 0);
        EXPECT_LE(decision.reset_after, rate.window());
      }
}

TEST(Gcra, RoundsTheIntervalUpAndSecondsUp) {
  EXPECT_EQ(Rate::of(7, 7, 60)->interval(), 8'571'429);
  EXPECT_EQ(seconds_up(0), 0);
  EXPECT_EQ(seconds_up(1), 1);
  EXPECT_EQ(seconds_up(second), 1);
  EXPECT_EQ(seconds_up(second + 1), 2);
}

}  // namespace
}  // namespace factory::core
