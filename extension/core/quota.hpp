#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace factory::core {

/// How long what was used counts: for good, until it is given back, or for a day or month of UTC.
enum class QuotaPeriod : std::uint8_t { none, day, month };

/// What a plan may limit. `by_apps`: apps count it themselves, the rest is counted by the platform.
struct QuotaMetric {
  const char* name;
  const char* unit;
  QuotaPeriod period;
  bool by_apps;
};

/// All metrics, in the order in which usage shows them.
std::span<const QuotaMetric> quota_metrics();

/// The metric of that name, or nullptr.
const QuotaMetric* find_quota_metric(std::string_view name);

/// The largest amount of one call, and the largest that an account holds: sums of both stay far below 2^63.
inline constexpr std::int64_t kMostQuotaAmount = 100'000'000'000'000'000;  // 10^17
inline constexpr std::int64_t kMostQuotaHeld = 4'000'000'000'000'000'000;  // 4 * 10^18

/// Seconds since 1970 at which a period began and ends (exclusive); 0 and 0 for QuotaPeriod::none. `now` is 0 or later.
struct QuotaSpan {
  std::int64_t begin, end;
  bool operator==(const QuotaSpan&) const = default;
};
QuotaSpan quota_span(QuotaPeriod period, std::int64_t now);

/// What will have been used at the end of the period if it goes on as until `now`; never less than `used`, at most
/// kMostQuotaHeld. The same as `used` for a span without end.
std::int64_t quota_forecast(std::int64_t used, const QuotaSpan& span, std::int64_t now);

}  // namespace factory::core
