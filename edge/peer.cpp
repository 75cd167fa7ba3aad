#include "edge/peer.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "edge/trimmed.hpp"

namespace factory::edge {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// "192.0.2.1:443" and "[2001:db8::1]:443" are what some proxies write instead of the bare address.
std::string_view without_port(std::string_view text) {
  if (text.starts_with('[')) return text.substr(1, text.find(']') - 1);
  if (std::count(text.begin(), text.end(), ':') == 1) return text.substr(0, text.find(':'));
  return text;
}

bool bit_of(const Address& address, unsigned index) { return address.bytes()[index / 8] >> (7 - index % 8) & 1; }

}  // namespace

Address Address::of_v4(const in_addr& address) {
  Address result;
  std::copy(mapped_prefix.begin(), mapped_prefix.end(), result.bytes_.begin());
  std::memcpy(result.bytes_.data() + mapped_prefix.size(), &address, sizeof address);
  return result;
}

Address Address::of_v6(const in6_addr& address) {
  Address result;
  std::memcpy(result.bytes_.data(), &address, sizeof address);
  return result;
}

std::optional<Address> Address::of(const sockaddr& address) {
  if (address.sa_family == AF_INET) return of_v4(reinterpret_cast<const sockaddr_in&>(address).sin_addr);
  if (address.sa_family == AF_INET6) return of_v6(reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
  return std::nullopt;
}

std::optional<Address> Address::of_peer(int socket) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return std::nullopt;
  return of(reinterpret_cast<const sockaddr&>(peer));
}

std::optional<Address> Address::parse(std::string_view text) {
  const std::string copy(text);
  in_addr v4;
  if (inet_pton(AF_INET, copy.c_str(), &v4) == 1) return of_v4(v4);
  in6_addr v6;
  if (inet_pton(AF_INET6, copy.c_str(), &v6) == 1) return of_v6(v6);
  return std::nullopt;
}

bool Address::is_v4() const { return std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes_.begin()); }

bool Address::is_loopback() const {
  constexpr std::array<std::uint8_t, 16> v6_loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return is_v4() ? bytes_[12] == 127 : bytes_ == v6_loopback;
}

Address Address::subscriber() const {
  Address result = *this;
  if (!is_v4()) std::fill(result.bytes_.begin() + 8, result.bytes_.end(), std::uint8_t{0});
  return result;
}

std::string Address::text() const {
  char buffer[INET6_ADDRSTRLEN];
  const int family = is_v4() ? AF_INET : AF_INET6;
  return inet_ntop(family, bytes_.data() + (is_v4() ? 12 : 0), buffer, sizeof buffer);
}

std::optional<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto base = Address::parse(text.substr(0, slash));
  if (!base) return std::nullopt;
  Network result;
  result.base_ = *base;
  if (slash == std::string_view::npos) return result;
  const auto digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc{} || end != digits.data() + digits.size() || length > (base->is_v4() ? 32u : 128u)) {
    return std::nullopt;
  }
  result.prefix_ = base->is_v4() ? length + 96 : length;
  for (unsigned bit = result.prefix_; bit < 128; ++bit) {
    if (bit_of(*base, bit)) return std::nullopt;
  }
  return result;
}

bool Network::contains(const Address& address) const {
  for (unsigned bit = 0; bit < prefix_; ++bit) {
    if (bit_of(base_, bit) != bit_of(address, bit)) return false;
  }
  return true;
}

std::string Network::text() const {
  return base_.text() + "/" + std::to_string(base_.is_v4() ? prefix_ - 96 : prefix_);
}

bool any_contains(std::span<const Network> networks, const Address& address) {
  return std::any_of(networks.begin(), networks.end(), [&](const Network& one) { return one.contains(address); });
}

Address client_address(Address socket_peer, std::string_view forwarded_for, std::span<const Network> trusted) {
  Address client = socket_peer;
  while (!forwarded_for.empty() && any_contains(trusted, client)) {
    const auto comma = forwarded_for.rfind(',');
    const auto entry = forwarded_for.substr(comma == std::string_view::npos ? 0 : comma + 1);
    const auto address = Address::parse(without_port(trimmed(entry)));
    if (!address) break;
    client = *address;
    forwarded_for = comma == std::string_view::npos ? std::string_view{} : forwarded_for.substr(0, comma);
  }
  return client;
}

}  // namespace factory::edge
