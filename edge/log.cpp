#include "edge/log.hpp"

#include <unistd.h>

#include <chrono>
#include <ctime>

#include "edge/json_text.hpp"

namespace factory::edge {
namespace {

constexpr std::string_view level_names[] = {"info", "warning", "error"};

// Three digits with leading zeros.
void append_thousandths(std::string& out, std::int64_t value) {
  for (const int unit : {100, 10, 1}) out += static_cast<char>('0' + value / unit % 10);
}

std::string timestamp() {
  // The part that changes once a second is made once a second.
  thread_local std::time_t made_at = -1;
  thread_local char seconds_text[32];
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t seconds = milliseconds / 1000;
  if (seconds != made_at) {
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::strftime(seconds_text, sizeof seconds_text, "%Y-%m-%dT%H:%M:%S.", &utc);
    made_at = seconds;
  }
  std::string text(seconds_text);
  append_thousandths(text, milliseconds);
  return text += 'Z';
}

}  // namespace

LogLine::LogLine(Level level, std::string_view event) {
  line_.reserve(320);
  line_ = '{';
  add("time", timestamp());
  add("level", level_names[static_cast<int>(level)]);
  add("event", event);
}

LogLine::~LogLine() {
  line_ += "}\n";
  // A log that cannot be written must not stop the server: there is nobody left to tell.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line_.data(), line_.size());
}

LogLine& LogLine::add(std::string_view name, std::string_view value) {
  append_member(line_, name, value);
  return *this;
}

LogLine& LogLine::add(std::string_view name, std::int64_t value) {
  append_raw_member(line_, name, std::to_string(value));
  return *this;
}

LogLine& LogLine::add_milliseconds(std::string_view name, std::int64_t microseconds) {
  std::string text = std::to_string(microseconds / 1000) + '.';
  append_thousandths(text, microseconds);
  append_raw_member(line_, name, text);
  return *this;
}

}  // namespace factory::edge
