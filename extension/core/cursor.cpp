#include "core/cursor.hpp"

#include <algorithm>

#include "crypto/base64url.hpp"
#include "crypto/digest.hpp"

namespace factory::core {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kCheckSize = 4;
constexpr std::size_t kCursorSize = 1 + std::tuple_size_v<Uuid> + kCheckSize;

crypto::Bytes cursor_bytes(std::string_view list_name, const Uuid& id) {
  crypto::Bytes bytes{kVersion};
  bytes.insert(bytes.end(), id.begin(), id.end());
  crypto::Bytes checked = bytes;
  checked.insert(checked.end(), list_name.begin(), list_name.end());
  const auto digest = crypto::sha256(checked);
  bytes.insert(bytes.end(), digest.begin(), digest.begin() + kCheckSize);
  return bytes;
}

}  // namespace

std::string encode_cursor(std::string_view list_name, const Uuid& id) {
  return crypto::base64url_encode(cursor_bytes(list_name, id));
}

std::optional<Uuid> decode_cursor(std::string_view list_name, std::string_view text) {
  const auto bytes = crypto::base64url_decode(text);
  if (!bytes || bytes->size() != kCursorSize) return std::nullopt;
  Uuid id;
  std::copy_n(bytes->begin() + 1, id.size(), id.begin());
  if (*bytes != cursor_bytes(list_name, id)) return std::nullopt;
  return id;
}

}  // namespace factory::core
