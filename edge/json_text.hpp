#pragma once

#include <string>
#include <string_view>

namespace factory::edge {

/// Appends `text` as a JSON string, quoted and escaped; bytes beyond ASCII pass as they are.
inline void append_json(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

/// Appends `"name":"value"` to an open JSON object, with a comma when it is not the first member.
inline void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out += ',';
  append_json(out, name);
  out += ':';
  append_json(out, value);
}

/// The same with a value that is JSON already, such as a number.
inline void append_raw_member(std::string& out, std::string_view name, std::string_view json) {
  if (out.back() != '{') out += ',';
  append_json(out, name);
  out += ':';
  out += json;
}

}  // namespace factory::edge
