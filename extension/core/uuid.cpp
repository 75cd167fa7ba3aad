#include "core/uuid.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "crypto/random.hpp"

namespace factory::core {
namespace {

constexpr std::size_t kTextSize = 36;

bool is_hyphen_place(std::size_t place) { return place == 8 || place == 13 || place == 18 || place == 23; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != kTextSize) return std::nullopt;
  Uuid uuid{};
  std::size_t digits = 0;
  for (std::size_t place = 0; place < kTextSize; ++place) {
    if (is_hyphen_place(place)) {
      if (text[place] != '-') return std::nullopt;
      continue;
    }
    const int value = hex_value(text[place]);
    if (value < 0) return std::nullopt;
    uuid[digits / 2] = static_cast<std::uint8_t>(uuid[digits / 2] << 4 | value);
    ++digits;
  }
  return uuid;
}

std::string format_uuid(const Uuid& uuid) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(kTextSize);
  for (const std::uint8_t byte : uuid) {
    if (is_hyphen_place(text.size())) text.push_back('-');
    text.push_back(kHex[byte >> 4]);
    text.push_back(kHex[byte & 15]);
  }
  return text;
}

Uuid Uuid7Generator::next(std::int64_t unix_ms, std::span<const std::uint8_t, 10> random) {
  constexpr std::uint32_t kMaxCounter = 0xfff;
  if (unix_ms > last_ms_) {
    last_ms_ = unix_ms;
    // The top bit stays free, so that a millisecond has room for 2,048 more at least.
    counter_ = (random[0] << 8U | random[1]) & 0x7ffU;
  } else if (counter_ < kMaxCounter) {
    ++counter_;
  } else {
    ++last_ms_;
    counter_ = 0;
  }
  Uuid uuid;
  for (std::size_t i = 0; i < 6; ++i) uuid[i] = static_cast<std::uint8_t>(last_ms_ >> (40 - 8 * i));
  uuid[6] = static_cast<std::uint8_t>(0x70 | counter_ >> 8);
  uuid[7] = static_cast<std::uint8_t>(counter_);
  std::copy_n(random.begin() + 2, 8, uuid.begin() + 8);
  uuid[8] = static_cast<std::uint8_t>(0x80 | (uuid[8] & 0x3f));
  return uuid;
}

Uuid uuid7() {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  using std::chrono::system_clock;
  thread_local Uuid7Generator generator;
  // The random generator takes hardly longer for many bytes than for ten.
  thread_local std::array<std::uint8_t, 320> random;
  thread_local std::size_t used = random.size();
  thread_local pid_t owner = 0;
  // A forked process must not go on with the bytes of its parent.
  if (used == random.size() || owner != getpid()) {
    crypto::fill_random(random);
    used = 0;
    owner = getpid();
  }
  const std::span<const std::uint8_t, 10> fresh(random.data() + used, 10);
  used += fresh.size();
  return generator.next(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count(), fresh);
}

}  // namespace factory::core
