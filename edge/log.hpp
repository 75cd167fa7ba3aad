#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace factory::edge {

enum class Level { info, warning, error };

/// One line of the log: a JSON object on standard error, written at once when the object ends.
/// Nobody gives it a query string, a header value or a body: those may be secrets.
class LogLine {
 public:
  LogLine(Level level, std::string_view event);
  ~LogLine();
  LogLine(const LogLine&) = delete;
  LogLine& operator=(const LogLine&) = delete;

  LogLine& add(std::string_view name, std::string_view value);
  LogLine& add(std::string_view name, std::int64_t value);
  /// Milliseconds with three decimals.
  LogLine& add_milliseconds(std::string_view name, std::int64_t microseconds);

 private:
  std::string line_;
};

}  // namespace factory::edge
