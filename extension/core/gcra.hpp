#pragma once

#include <cstdint>
#include <optional>

namespace factory::core {

/// The generic cell rate algorithm, as ITU-T I.371 (annex A) defines it for cells and as limiters of calls use it: one
/// number is kept for each key, the theoretical arrival time (TAT), at which the key would have its whole burst again. A
/// call moves it on by one interval and is refused when that would put it further ahead than the burst allows. There are
/// no windows, so nobody gets two windows' worth at their border. All times are microseconds of one monotonic clock.

/// `count` calls in `period` on average, `burst` of them at once.
class Rate {
 public:
  /// Nothing unless burst and count are at least 1, period_seconds is from 1 to a year, no more than a million calls a second are
  /// asked for, and the burst is back within 400 days. The interval is rounded up, so never more than the rate gets through.
  static std::optional<Rate> of(std::int64_t burst, std::int64_t count, std::int64_t period_seconds);

  std::int64_t burst() const { return burst_; }
  std::int64_t interval() const { return interval_; }
  /// Time in which a used up burst comes back.
  std::int64_t window() const { return burst_ * interval_; }

 private:
  Rate(std::int64_t burst, std::int64_t interval) : burst_(burst), interval_(interval) {}
  std::int64_t burst_;
  std::int64_t interval_;
};

struct GcraDecision {
  bool limited;
  std::int64_t remaining;    // calls that would pass right now
  std::int64_t retry_after;  // time until a call of this cost passes; 0 when this one did
  std::int64_t reset_after;  // time until the whole burst is back
  std::int64_t tat;          // what to keep for the key, limited or not
};

/// Decides one call at `now`. `tat` is what was kept for the key, 0 for an unknown one; one from another rate counts as a
/// used up burst at most. `cost` is from 0, which only looks, to the burst. Nothing overflows while now is below 200,000 years.
GcraDecision gcra(std::int64_t tat, std::int64_t now, const Rate& rate, std::int64_t cost);

/// Microseconds as whole seconds, rounded up: who waits that long is not refused again.
constexpr std::int64_t seconds_up(std::int64_t microseconds) { return (microseconds + 999'999) / 1'000'000; }

}  // namespace factory::core
