#pragma once

#include <simdjson.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

#include "crypto/bytes.hpp"

namespace factory::tests {

/// The bytes that hexadecimal digits spell.
inline crypto::Bytes from_hex(std::string_view text) {
  crypto::Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

/// The hexadecimal digits of bytes.
inline std::string to_hex(crypto::ByteView bytes) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) text.append({kHex[byte >> 4], kHex[byte & 15]});
  return text;
}

/// Calls `use(group, vector)` for every vector of a Wycheproof file and returns how many there were. The folder is
/// FACTORY_TEST_DATA, or tests/unit/vectors seen from the root of the checkout.
inline int for_each_vector(const std::string& file,
                           const std::function<void(simdjson::dom::element, simdjson::dom::element)>& use) {
  const char* const folder = std::getenv("FACTORY_TEST_DATA");
  simdjson::dom::parser parser;
  const simdjson::dom::element document = parser.load((folder ? folder : "tests/unit/vectors") + ("/" + file));
  int count = 0;
  for (const simdjson::dom::element group : simdjson::dom::array(document["testGroups"])) {
    for (const simdjson::dom::element vector : simdjson::dom::array(group["tests"])) {
      use(group, vector);
      ++count;
    }
  }
  return count;
}

inline std::string text_of(simdjson::dom::element object, const char* name) {
  return std::string(std::string_view(object[name]));
}

inline crypto::Bytes hex_of(simdjson::dom::element object, const char* name) { return from_hex(text_of(object, name)); }

}  // namespace factory::tests
