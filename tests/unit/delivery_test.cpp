#include "core/delivery.hpp"

#include <gtest/gtest.h>

namespace factory::core {
namespace {

using namespace std::chrono_literals;

Decision answered(Channel channel, int status, int attempts = 1) {
  return decide(channel, Outcome::answered, status, attempts, std::nullopt, 0);
}

TEST(Delivery, JudgesStatusesByChannel) {
  struct Row {
    Channel channel;
    int status;
    Verdict verdict;
  };
  for (const Row& row : {Row{Channel::webhook, 200, Verdict::delivered}, Row{Channel::webhook, 204, Verdict::delivered},
                         Row{Channel::webhook, 299, Verdict::delivered}, Row{Channel::webhook, 302, Verdict::retry},
                         Row{Channel::webhook, 400, Verdict::retry}, Row{Channel::webhook, 500, Verdict::retry},
                         Row{Channel::webhook, 410, Verdict::gone}, Row{Channel::http, 410, Verdict::dead},
                         Row{Channel::http, 301, Verdict::dead}, Row{Channel::http, 404, Verdict::dead},
                         Row{Channel::http, 408, Verdict::retry}, Row{Channel::http, 429, Verdict::retry},
                         Row{Channel::http, 503, Verdict::retry}, Row{Channel::smtp, 250, Verdict::delivered},
                         Row{Channel::smtp, 451, Verdict::retry}, Row{Channel::smtp, 550, Verdict::dead}})
    EXPECT_EQ(answered(row.channel, row.status).verdict, row.verdict) << row.status;
}

TEST(Delivery, ReturnedMessagesAreDueAtOnceAndRefusedOnesAreDead) {
  const Decision returned = decide(Channel::webhook, Outcome::returned, 0, 10, std::nullopt, 0.5);
  EXPECT_EQ(returned.verdict, Verdict::retry);
  EXPECT_EQ(returned.delay, 0ms);
  EXPECT_EQ(decide(Channel::webhook, Outcome::refused, 0, 1, std::nullopt, 0).verdict, Verdict::dead);
}

TEST(Delivery, FollowsTheScheduleOfStandardWebhooks) {
  const std::chrono::milliseconds waits[] = {5s, 5min, 30min, 2h, 5h, 10h, 14h, 20h, 24h};
  for (int attempt = 1; attempt <= 9; ++attempt) {
    const auto wait = waits[attempt - 1];
    for (const double jitter : {0.0, 0.5, 0.999}) {
      const Decision decision = decide(Channel::webhook, Outcome::unreachable, 0, attempt, std::nullopt, jitter);
      EXPECT_EQ(decision.verdict, Verdict::retry);
      EXPECT_GE(decision.delay, wait * 9 / 10 - 1ms);
      EXPECT_LE(decision.delay, wait);
    }
  }
  EXPECT_EQ(decide(Channel::webhook, Outcome::unreachable, 0, 10, std::nullopt, 0).verdict, Verdict::dead);
  EXPECT_EQ(most_attempts(Channel::webhook), 10);
}

TEST(Delivery, DoublesTheWaitOfOthersUpToItsCap) {
  EXPECT_EQ(answered(Channel::http, 500, 1).delay, 5s);
  EXPECT_EQ(answered(Channel::http, 500, 2).delay, 10s);
  EXPECT_EQ(answered(Channel::http, 500, 11).delay, 10s * 1024 / 2);
  EXPECT_EQ(decide(Channel::smtp, Outcome::unreachable, 0, 11, std::nullopt, 0.999).delay.count() / 1000, 10234);
  EXPECT_EQ(answered(Channel::http, 500, 12).verdict, Verdict::dead);
}

TEST(Delivery, WaitsAsLongAsTheReceiverAsksButNotForever) {
  EXPECT_EQ(decide(Channel::http, Outcome::answered, 503, 1, 120, 0).delay, 120s);
  EXPECT_EQ(decide(Channel::http, Outcome::answered, 503, 1, 1, 0).delay, 5s);
  EXPECT_EQ(decide(Channel::http, Outcome::answered, 503, 1, 1'000'000'000, 0).delay, 24h);
  EXPECT_EQ(decide(Channel::http, Outcome::answered, 503, 1, -5, 0).delay, 5s);
}

}  // namespace
}  // namespace factory::core
