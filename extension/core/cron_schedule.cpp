#include "core/cron_schedule.hpp"

#include <charconv>
#include <chrono>

namespace factory::core {

namespace {

constexpr std::int64_t minute_seconds = 60;
constexpr std::int64_t day_minutes = 24 * 60;
constexpr std::int64_t days_looked_at = 8 * 366;

std::optional<int> number(std::string_view text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  // No sign, and nothing longer than the fields need.
  if (text.empty() || text.size() > 2 || error != std::errc() || stopped != end || text[0] == '-') return std::nullopt;
  return value;
}

// The part of `text` before `separator`, which it loses with the separator.
std::string_view cut(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return part;
}

template <std::size_t Size>
bool read_item(std::string_view item, int least, int most, std::bitset<Size>& set) {
  const bool stepped = item.find('/') != std::string_view::npos;
  std::string_view range = cut(item, '/');
  const std::optional<int> step = stepped ? number(item) : 1;
  if (!step || *step < 1) return false;
  int from = least, to = most;
  if (range != "*") {
    const bool ranged = range.find('-') != std::string_view::npos;
    const std::optional<int> first = number(cut(range, '-'));
    const std::optional<int> last = ranged ? number(range) : first;
    if (!first || !last || (stepped && !ranged)) return false;
    from = *first;
    to = *last;
  }
  if (from < least || to > most || from > to) return false;
  for (int value = from; value <= to; value += *step) set.set(static_cast<std::size_t>(value));
  return true;
}

template <std::size_t Size>
bool read_field(std::string_view& text, int least, int most, std::bitset<Size>& set) {
  std::string_view field = cut(text, ' ');
  if (field.empty() || field.back() == ',') return false;
  while (!field.empty())
    if (!read_item(cut(field, ','), least, most, set)) return false;
  return true;
}

}  // namespace

std::optional<CronSchedule> CronSchedule::parse(std::string_view text) {
  CronSchedule schedule;
  std::string_view rest = text;
  if (!read_field(rest, 0, 59, schedule.minutes_) || !read_field(rest, 0, 23, schedule.hours_)) return std::nullopt;
  schedule.any_day_ = rest.starts_with('*');
  if (!read_field(rest, 1, 31, schedule.days_) || !read_field(rest, 1, 12, schedule.months_)) return std::nullopt;
  schedule.any_weekday_ = rest.starts_with('*');
  if (!read_field(rest, 0, 7, schedule.weekdays_) || !rest.empty() || text.back() == ' ') return std::nullopt;
  if (schedule.weekdays_[7]) schedule.weekdays_.set(0);
  return schedule;
}

bool CronSchedule::fires_on(std::int64_t day) const {
  const std::chrono::sys_days date{std::chrono::days{day}};
  const std::chrono::year_month_day parts{date};
  if (!months_[static_cast<unsigned>(parts.month())]) return false;
  const bool by_day = days_[static_cast<unsigned>(parts.day())];
  const bool by_weekday = weekdays_[std::chrono::weekday{date}.c_encoding()];
  return any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday;
}

std::optional<std::int64_t> CronSchedule::previous(std::int64_t unix_seconds) const {
  const std::int64_t last_minute =
      (unix_seconds - (unix_seconds % minute_seconds + minute_seconds) % minute_seconds) / 60;
  const std::int64_t minute_of_day = (last_minute % day_minutes + day_minutes) % day_minutes;
  const std::int64_t today = (last_minute - minute_of_day) / day_minutes;
  std::int64_t latest = minute_of_day;
  for (std::int64_t day = today; day > today - days_looked_at; --day, latest = day_minutes - 1) {
    if (!fires_on(day)) continue;
    for (std::int64_t minute = latest; minute >= 0; --minute)
      if (hours_[static_cast<std::size_t>(minute / 60)] && minutes_[static_cast<std::size_t>(minute % 60)])
        return (day * day_minutes + minute) * minute_seconds;
  }
  return std::nullopt;
}

}  // namespace factory::core
