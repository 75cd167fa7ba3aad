#include "core/quota.hpp"

#include <algorithm>
#include <chrono>

namespace factory::core {
namespace {

constexpr QuotaMetric kMetrics[] = {
    {"members", "members", QuotaPeriod::none, false},
    {"api_keys", "keys", QuotaPeriod::none, false},
    {"records", "records", QuotaPeriod::none, true},
    {"storage_bytes", "bytes", QuotaPeriod::none, true},
    {"requests_month", "requests", QuotaPeriod::month, false},
    {"ai_usd_month", "pico-dollars", QuotaPeriod::month, true},
    {"ai_requests_day", "requests", QuotaPeriod::day, true},
    {"exports_day", "exports", QuotaPeriod::day, false},
};

}  // namespace

std::span<const QuotaMetric> quota_metrics() { return kMetrics; }

const QuotaMetric* find_quota_metric(std::string_view name) {
  const auto* found = std::ranges::find(kMetrics, name, &QuotaMetric::name);
  return found == std::end(kMetrics) ? nullptr : found;
}

QuotaSpan quota_span(QuotaPeriod period, std::int64_t now) {
  using namespace std::chrono;
  if (period == QuotaPeriod::none) return {0, 0};
  const sys_days today = floor<days>(sys_seconds(seconds(now)));
  const auto at = [](sys_days day) { return sys_seconds(day).time_since_epoch().count(); };
  if (period == QuotaPeriod::day) return {at(today), at(today + days(1))};
  const year_month_day date(today);
  const year_month month = date.year() / date.month();
  return {at(sys_days(month / 1)), at(sys_days((month + months(1)) / 1))};
}

std::int64_t quota_forecast(std::int64_t used, const QuotaSpan& span, std::int64_t now) {
  const std::int64_t elapsed = now - span.begin, length = span.end - span.begin;
  if (length <= 0 || elapsed <= 0 || elapsed >= length) return used;
  const double forecast = static_cast<double>(used) / static_cast<double>(elapsed) * static_cast<double>(length);
  if (forecast >= static_cast<double>(kMostQuotaHeld)) return kMostQuotaHeld;
  return std::max(used, static_cast<std::int64_t>(forecast));
}

}  // namespace factory::core
