#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

namespace factory::core {

/// A schedule of five fields in UTC, as pg_cron 1.4 reads it: minute, hour, day of month, month, day of week (0 and 7 are
/// Sunday), each a list of numbers, ranges `a-b`, `*`, and steps `*/n` or `a-b/n`. Where both days are restricted, one of
/// them is enough.
class CronSchedule {
 public:
  /// Nothing for text that is no schedule.
  static std::optional<CronSchedule> parse(std::string_view text);

  /// The last minute up to and with `unix_seconds` at which it fires, in unix seconds; nothing where there is none in the
  /// eight years before (such as 30 February).
  std::optional<std::int64_t> previous(std::int64_t unix_seconds) const;

 private:
  bool fires_on(std::int64_t day) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<8> weekdays_;
  bool any_day_ = false;
  bool any_weekday_ = false;
};

}  // namespace factory::core
