#include "edge/log.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>

#include "edge/json_text.hpp"

namespace factory::edge {
namespace {

constexpr std::string_view level_names[] = {"info", "warning", "error"};

std::string timestamp() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t seconds = milliseconds / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  const auto size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text + size, sizeof text - size, ".%03dZ", static_cast<int>(milliseconds % 1000));
  return text;
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
  char text[32];
  std::snprintf(text, sizeof text, "%lld.%03d", static_cast<long long>(microseconds / 1000),
                static_cast<int>(microseconds % 1000));
  append_raw_member(line_, name, text);
  return *this;
}

}  // namespace factory::edge
