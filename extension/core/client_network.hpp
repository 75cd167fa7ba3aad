#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace factory::core {

/// What one client is counted by: the whole IPv4 address, or the 64 bits of IPv6 that one subscriber owns. An IPv4-mapped
/// IPv6 address is the IPv4 address.
class ClientNetwork {
 public:
  /// "192.0.2.1", "2001:db8::1" or "::ffff:192.0.2.1", also with a "/length" that is ignored; nothing for all else.
  static std::optional<ClientNetwork> of(const std::string& address);

  /// 16 bytes, IPv4 in its mapped form.
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }

  /// "192.0.2.1" or "2001:db8::/64".
  std::string text() const;

  bool operator==(const ClientNetwork&) const = default;

 private:
  bool is_v4() const;
  std::array<std::uint8_t, 16> bytes_{};
};

}  // namespace factory::core
