#pragma once

#include <netinet/in.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace factory::edge {

/// An IP address. IPv4 is kept in its IPv4-mapped form, so both spellings of one peer are equal.
class Address {
 public:
  /// Of an IPv4 or IPv6 socket address; nothing for all other kinds.
  static std::optional<Address> of(const sockaddr& address);

  /// The peer of a socket; nothing when it is not an IP socket.
  static std::optional<Address> of_peer(int socket);

  /// "192.0.2.1", "2001:db8::1" or "::ffff:192.0.2.1"; nothing for all else.
  static std::optional<Address> parse(std::string_view text);

  /// The shortest usual form; dotted for IPv4.
  std::string text() const;

  bool is_v4() const;
  bool is_loopback() const;

  /// The part that one subscriber owns, for counting: the whole IPv4 address, the first 64 bits of IPv6.
  Address subscriber() const;

  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  auto operator<=>(const Address&) const = default;

 private:
  static Address of_v4(const in_addr& address);
  static Address of_v6(const in6_addr& address);

  std::array<std::uint8_t, 16> bytes_{};
};

/// A network in CIDR notation.
class Network {
 public:
  /// "10.0.0.0/8", "2001:db8::/32" or a single address; nothing when malformed or when host bits are set.
  static std::optional<Network> parse(std::string_view text);

  bool contains(const Address& address) const;
  std::string text() const;

 private:
  Address base_;
  unsigned prefix_ = 128;
};

bool any_contains(std::span<const Network> networks, const Address& address);

/// Who really asks: the peer of the socket or, as long as that is a trusted proxy, the next address of
/// X-Forwarded-For, read from its right end. An entry that is no address ends the walk.
Address client_address(Address socket_peer, std::string_view forwarded_for, std::span<const Network> trusted);

}  // namespace factory::edge
