#include "core/quota.hpp"

#include <gtest/gtest.h>

#include <string>

namespace factory::core {
namespace {

// 2026-11-25 02:30:00 UTC and the like: days since 1970 by hand, so that no calendar of the library stands behind them.
constexpr std::int64_t kDay = 86400;
constexpr std::int64_t k2024 = 19723 * kDay;  // 2024-01-01

TEST(Quota, KnowsItsMetrics) {
  EXPECT_EQ(quota_metrics().size(), 8);
  for (const QuotaMetric& metric : quota_metrics()) {
    EXPECT_EQ(find_quota_metric(metric.name), &metric);
    // The name says the period.
    const std::string name = metric.name;
    EXPECT_EQ(name.ends_with("_day"), metric.period == QuotaPeriod::day) << name;
    EXPECT_EQ(name.ends_with("_month"), metric.period == QuotaPeriod::month) << name;
  }
  EXPECT_EQ(find_quota_metric(""), nullptr);
  EXPECT_EQ(find_quota_metric("Members"), nullptr);
  EXPECT_EQ(find_quota_metric("members "), nullptr);
}

TEST(Quota, PeriodsAreDaysAndMonthsOfUtc) {
  EXPECT_EQ(quota_span(QuotaPeriod::none, k2024), (QuotaSpan{0, 0}));
  EXPECT_EQ(quota_span(QuotaPeriod::day, 0), (QuotaSpan{0, kDay}));
  EXPECT_EQ(quota_span(QuotaPeriod::day, kDay - 1), (QuotaSpan{0, kDay}));
  EXPECT_EQ(quota_span(QuotaPeriod::day, kDay), (QuotaSpan{kDay, 2 * kDay}));
  EXPECT_EQ(quota_span(QuotaPeriod::month, 0), (QuotaSpan{0, 31 * kDay}));
  EXPECT_EQ(quota_span(QuotaPeriod::month, 31 * kDay), (QuotaSpan{31 * kDay, 59 * kDay}));
  // A leap year's February, and a December that ends in the next year.
  EXPECT_EQ(quota_span(QuotaPeriod::month, k2024 + 45 * kDay), (QuotaSpan{k2024 + 31 * kDay, k2024 + 60 * kDay}));
  EXPECT_EQ(quota_span(QuotaPeriod::month, k2024 + 366 * kDay - 1),
            (QuotaSpan{k2024 + 335 * kDay, k2024 + 366 * kDay}));
  EXPECT_EQ(quota_span(QuotaPeriod::month, k2024 + 366 * kDay), (QuotaSpan{k2024 + 366 * kDay, k2024 + 397 * kDay}));
}

TEST(Quota, EveryMomentIsInOnePeriodAndPeriodsMeet) {
  for (const QuotaPeriod period : {QuotaPeriod::day, QuotaPeriod::month}) {
    std::int64_t begin = k2024;
    for (int n = 0; n < 500; ++n) {
      const QuotaSpan span = quota_span(period, begin);
      ASSERT_EQ(span.begin, begin);
      ASSERT_EQ(quota_span(period, span.end - 1), span);
      begin = span.end;
    }
  }
}

TEST(Quota, ForecastsByWhatWasUsed) {
  const QuotaSpan day{0, kDay};
  EXPECT_EQ(quota_forecast(100, day, kDay / 4), 400);
  EXPECT_EQ(quota_forecast(100, day, kDay - 1), 100);
  EXPECT_EQ(quota_forecast(0, day, 1), 0);
  EXPECT_EQ(quota_forecast(7, day, 0), 7);
  EXPECT_EQ(quota_forecast(7, day, -5), 7);
  EXPECT_EQ(quota_forecast(7, day, kDay), 7);
  EXPECT_EQ(quota_forecast(7, {0, 0}, 1000), 7);
  EXPECT_EQ(quota_forecast(kMostQuotaHeld, day, 1), kMostQuotaHeld);
  EXPECT_EQ(quota_forecast(kMostQuotaHeld - 1, day, kDay - 1), kMostQuotaHeld);
}

TEST(Quota, SumsStayInRange) {
  // The largest sums that statements make: an account's room, and one more amount on what it holds.
  EXPECT_GT(std::int64_t{0} - kMostQuotaHeld - kMostQuotaHeld, INT64_MIN);
  EXPECT_LT(kMostQuotaHeld, INT64_MAX - kMostQuotaHeld - kMostQuotaAmount);
}

}  // namespace
}  // namespace factory::core
