#include "crypto/base62.hpp"

#include "crypto/random.hpp"

namespace factory::crypto {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kUuidDigits = 22;
constexpr std::size_t kU32Digits = 6;

int digit_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'A' && digit <= 'Z') return digit - 'A' + 10;
  if (digit >= 'a' && digit <= 'z') return digit - 'a' + 36;
  return -1;
}

}  // namespace

std::string base62_encode_uuid(const std::array<std::uint8_t, 16>& uuid) {
  auto number = uuid;
  std::string text(kUuidDigits, '0');
  for (auto place = text.rbegin(); place != text.rend(); ++place) {
    unsigned remainder = 0;
    for (auto& byte : number) {
      const unsigned dividend = remainder << 8 | byte;
      byte = static_cast<std::uint8_t>(dividend / 62);
      remainder = dividend % 62;
    }
    *place = kDigits[remainder];
  }
  return text;
}

std::optional<std::array<std::uint8_t, 16>> base62_decode_uuid(std::string_view text) {
  if (text.size() != kUuidDigits) return std::nullopt;
  std::array<std::uint8_t, 16> number{};
  for (const char digit : text) {
    const int value = digit_value(digit);
    if (value < 0) return std::nullopt;
    unsigned carry = static_cast<unsigned>(value);
    for (auto byte = number.rbegin(); byte != number.rend(); ++byte) {
      carry += *byte * 62U;
      *byte = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    if (carry != 0) return std::nullopt;
  }
  return number;
}

std::string base62_random(std::size_t count) {
  std::string text;
  text.reserve(count);
  std::array<std::uint8_t, 64> pool;
  while (text.size() < count) {
    fill_random(pool);
    for (const std::uint8_t byte : pool) {
      // 248 is the largest multiple of 62 in a byte: what lies above would favour the first digits.
      if (byte < 248 && text.size() < count) text.push_back(kDigits[byte % 62]);
    }
  }
  return text;
}

std::string base62_encode_u32(std::uint32_t number) {
  std::string text(kU32Digits, '0');
  for (auto place = text.rbegin(); place != text.rend(); ++place, number /= 62) *place = kDigits[number % 62];
  return text;
}

}  // namespace factory::crypto
