#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace factory::core {

/// The code point at the front of valid UTF-8 and how many bytes it takes; size 0 where the text is empty or the bytes
/// are none (RFC 3629: no surrogate, no overlong form, at most U+10FFFF).
struct CodePoint {
  char32_t value;
  std::size_t size;
};
CodePoint first_code_point(std::string_view text);

/// Whether the whole text is UTF-8.
bool valid_utf8(std::string_view text);

/// What a caller wrote, to be said back in a message: at most 64 bytes of it, whole code points and an ellipsis.
std::string clipped(std::string_view text);

}  // namespace factory::core
