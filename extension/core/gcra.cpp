#include "core/gcra.hpp"

#include <algorithm>

namespace factory::core {

namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t longest_period = 366 * 86'400;
constexpr std::int64_t longest_window = 400 * 86'400 * second;

}  // namespace

std::optional<Rate> Rate::of(std::int64_t burst, std::int64_t count, std::int64_t period_seconds) {
  if (burst < 1 || count < 1 || period_seconds < 1 || period_seconds > longest_period) return std::nullopt;
  const std::int64_t period = period_seconds * second;
  if (count > period) return std::nullopt;
  const std::int64_t interval = (period + count - 1) / count;
  if (burst > longest_window / interval) return std::nullopt;
  return Rate(burst, interval);
}

GcraDecision gcra(std::int64_t tat, std::int64_t now, const Rate& rate, std::int64_t cost) {
  const std::int64_t window = rate.window();
  const std::int64_t before = std::clamp(tat, now, now + window);
  const std::int64_t after = before + cost * rate.interval();
  const std::int64_t early = after - window - now;
  const bool limited = early > 0;
  const std::int64_t kept = limited ? before : after;
  return {limited, (window - (kept - now)) / rate.interval(), limited ? early : 0, kept - now, kept};
}

}  // namespace factory::core
