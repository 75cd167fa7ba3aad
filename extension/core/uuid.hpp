#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace factory::core {

using Uuid = std::array<std::uint8_t, 16>;

/// Reads the 36-character form of RFC 9562, letters in either case, nothing else.
std::optional<Uuid> parse_uuid(std::string_view text);

/// Writes the 36-character form in lower case.
std::string format_uuid(const Uuid& uuid);

/// Makes version 7 UUIDs that only grow, even within a millisecond and when the clock goes back (RFC 9562 6.2,
/// method 1).
class Uuid7Generator {
 public:
  /// `unix_ms` is the wall clock in milliseconds; `random` is fresh for each call.
  Uuid next(std::int64_t unix_ms, std::span<const std::uint8_t, 10> random);

 private:
  std::int64_t last_ms_ = -1;
  std::uint32_t counter_ = 0;
};

/// The next UUID of this process, from the wall clock and crypto's random source.
Uuid uuid7();

}  // namespace factory::core
