#include "core/client_network.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace factory::core {

namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

bool ClientNetwork::is_v4() const { return std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes_.begin()); }

std::optional<ClientNetwork> ClientNetwork::of(const std::string& address) {
  const std::string bare = address.substr(0, address.find('/'));
  ClientNetwork network;
  in_addr v4;
  if (inet_pton(AF_INET, bare.c_str(), &v4) == 1) {
    std::copy(mapped_prefix.begin(), mapped_prefix.end(), network.bytes_.begin());
    std::memcpy(network.bytes_.data() + mapped_prefix.size(), &v4, sizeof v4);
    return network;
  }
  if (inet_pton(AF_INET6, bare.c_str(), network.bytes_.data()) != 1) return std::nullopt;
  if (!network.is_v4()) std::fill(network.bytes_.begin() + 8, network.bytes_.end(), std::uint8_t{0});
  return network;
}

std::string ClientNetwork::text() const {
  char buffer[INET6_ADDRSTRLEN];
  if (is_v4()) return inet_ntop(AF_INET, bytes_.data() + mapped_prefix.size(), buffer, sizeof buffer);
  return std::string(inet_ntop(AF_INET6, bytes_.data(), buffer, sizeof buffer)) + "/64";
}

}  // namespace factory::core
