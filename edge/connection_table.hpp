#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "edge/config.hpp"
#include "edge/connection.hpp"

namespace factory::edge {

/// All open client connections: the caps, the deadlines, and the end of the last one.
class ConnectionTable {
 public:
  explicit ConnectionTable(const Config& config);

  enum class Admission { admitted, refused, flooded };

  /// Enters a connection. Over a cap it is refused: it stays only to be told so, and when too many are being told
  /// so already it is not even entered (flooded).
  Admission enter(Connection& connection);

  /// Takes it out again; after that nobody but the caller knows it.
  void leave(Connection& connection);

  /// Wakes the connections whose deadline has passed: the reading side of the socket is shut, the thread that gets
  /// the event sees the deadline and ends it.
  void wake_expired(Clock::time_point now);

  /// Shortens the deadline of connections between two requests.
  void hurry_idle(Clock::time_point latest);

  std::size_t size() const;

 private:
  const std::size_t most_;
  const std::size_t most_per_peer_;
  const std::vector<Network> trusted_proxies_;

  mutable std::mutex mutex_;
  std::unordered_set<Connection*> connections_;
  std::size_t refused_ = 0;
  std::map<Address, std::size_t> per_peer_;
};

}  // namespace factory::edge
