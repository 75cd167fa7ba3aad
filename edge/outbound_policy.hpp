#pragma once

#include <vector>

#include "edge/peer.hpp"

namespace factory::edge {

/// Whether an address is reached over the public internet by everybody alike: no private, shared, loopback, link-local,
/// multicast, reserved, documentation or translated range, and no address at which clouds answer their own machines.
bool is_public(const Address& address);

/// Where calls out may go. Judged is the address of the very connection, so no name can change its meaning in between.
class OutboundPolicy {
 public:
  /// What operators opened, plain http included; port 0 stands for all.
  struct Opening {
    Network network;
    int port = 0;
  };

  OutboundPolicy() = default;
  explicit OutboundPolicy(std::vector<Opening> openings) : openings_(std::move(openings)) {}

  /// Whether a connection to that address and port may be made; `secure` when it is one over TLS.
  bool allows(const Address& address, int port, bool secure) const;

 private:
  std::vector<Opening> openings_;
};

}  // namespace factory::edge
