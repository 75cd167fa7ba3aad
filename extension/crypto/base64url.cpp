#include "crypto/base64url.hpp"

#include <array>

namespace factory::crypto {
namespace {

constexpr std::uint8_t kNoDigit = 0xff;

// A base64 without padding over one of the two alphabets, which differ in their last two characters.
class Codec {
 public:
  constexpr Codec(char digit62, char digit63) {
    values_.fill(kNoDigit);
    std::uint8_t value = 0;
    for (char digit = 'A'; digit <= 'Z'; ++digit) assign(digit, value++);
    for (char digit = 'a'; digit <= 'z'; ++digit) assign(digit, value++);
    for (char digit = '0'; digit <= '9'; ++digit) assign(digit, value++);
    assign(digit62, value++);
    assign(digit63, value);
  }

  std::string encode(ByteView bytes) const {
    std::string text;
    text.reserve((bytes.size() * 4 + 2) / 3);
    std::uint32_t pending = 0;
    int bits = 0;
    for (const std::uint8_t byte : bytes) {
      pending = pending << 8 | byte;
      for (bits += 8; bits >= 6; bits -= 6) text.push_back(digits_[pending >> (bits - 6) & 63]);
    }
    if (bits > 0) text.push_back(digits_[pending << (6 - bits) & 63]);
    return text;
  }

  std::optional<Bytes> decode(std::string_view text) const {
    if (text.size() % 4 == 1) return std::nullopt;
    Bytes bytes;
    bytes.reserve(text.size() * 3 / 4);
    std::uint32_t pending = 0;
    int bits = 0;
    for (const char digit : text) {
      const std::uint8_t value = values_[static_cast<std::uint8_t>(digit)];
      if (value == kNoDigit) return std::nullopt;
      pending = pending << 6 | value;
      bits += 6;
      if (bits >= 8) {
        bits -= 8;
        bytes.push_back(static_cast<std::uint8_t>(pending >> bits));
      }
    }
    // Unused bits that are not zero would give one value several spellings.
    if ((pending & ((1U << bits) - 1)) != 0) return std::nullopt;
    return bytes;
  }

 private:
  constexpr void assign(char digit, std::uint8_t value) {
    digits_[value] = digit;
    values_[static_cast<std::uint8_t>(digit)] = value;
  }

  std::array<char, 64> digits_{};
  std::array<std::uint8_t, 256> values_{};
};

constexpr Codec kUrlAlphabet('-', '_');
constexpr Codec kStandardAlphabet('+', '/');

}  // namespace

std::string base64url_encode(ByteView bytes) { return kUrlAlphabet.encode(bytes); }
std::optional<Bytes> base64url_decode(std::string_view text) { return kUrlAlphabet.decode(text); }
std::string base64_encode(ByteView bytes) { return kStandardAlphabet.encode(bytes); }
std::string padded_base64(ByteView bytes) {
  std::string text = base64_encode(bytes);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<Bytes> base64_decode(std::string_view text) { return kStandardAlphabet.decode(text); }

}  // namespace factory::crypto
