#include "edge/outbound_policy.hpp"

#include <algorithm>
#include <string_view>

namespace factory::edge {
namespace {

std::vector<Network> parse_all(std::initializer_list<std::string_view> texts) {
  std::vector<Network> networks;
  for (const auto text : texts) networks.push_back(Network::parse(text).value());
  return networks;
}

// The special-purpose registries of IANA, as far as they are not globally reachable, and one public address that a
// cloud keeps for its metadata.
const std::vector<Network>& special_v4() {
  static const auto networks =
      parse_all({"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
                 "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
                 "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"});
  return networks;
}

// Within the one block that is given out for global use: protocol assignments with Teredo, documentation, 6to4.
const std::vector<Network>& special_v6() {
  static const auto networks = parse_all({"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"});
  return networks;
}

const Network& global_v6() {
  static const Network network = Network::parse("2000::/3").value();
  return network;
}

}  // namespace

bool is_public(const Address& address) {
  if (address.is_v4()) return !any_contains(special_v4(), address);
  return global_v6().contains(address) && !any_contains(special_v6(), address);
}

bool OutboundPolicy::allows(const Address& address, int port, bool secure) const {
  if (secure && is_public(address)) return true;
  return std::any_of(openings_.begin(), openings_.end(), [&](const Opening& opening) {
    return (opening.port == 0 || opening.port == port) && opening.network.contains(address);
  });
}

}  // namespace factory::edge
