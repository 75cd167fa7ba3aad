#include "edge/connection_table.hpp"

#include <sys/socket.h>

namespace factory::edge {
namespace {

constexpr std::size_t most_being_refused = 256;

}  // namespace

ConnectionTable::ConnectionTable(const Config& config)
    : most_(static_cast<std::size_t>(config.max_connections)),
      most_per_peer_(static_cast<std::size_t>(config.max_connections_per_peer)),
      trusted_proxies_(config.trusted_proxies) {}

ConnectionTable::Admission ConnectionTable::enter(Connection& connection) {
  const std::lock_guard lock(mutex_);
  auto& of_peer = per_peer_[connection.peer.subscriber()];
  // A proxy speaks for many.
  const bool peer_may = of_peer < most_per_peer_ || any_contains(trusted_proxies_, connection.peer);
  connection.admitted = peer_may && connections_.size() - refused_ < most_;
  if (!connection.admitted && refused_ >= most_being_refused) {
    if (of_peer == 0) per_peer_.erase(connection.peer.subscriber());
    return Admission::flooded;
  }
  connections_.insert(&connection);
  if (connection.admitted) {
    ++of_peer;
    return Admission::admitted;
  }
  ++refused_;
  if (of_peer == 0) per_peer_.erase(connection.peer.subscriber());
  return Admission::refused;
}

void ConnectionTable::leave(Connection& connection) {
  const std::lock_guard lock(mutex_);
  connections_.erase(&connection);
  if (!connection.admitted) {
    --refused_;
    return;
  }
  const auto of_peer = per_peer_.find(connection.peer.subscriber());
  if (--of_peer->second == 0) per_peer_.erase(of_peer);
}

void ConnectionTable::wake_expired(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  for (auto* connection : connections_) {
    if (!connection->is_expired(now)) continue;
    const bool sending = connection->phase.load() == Connection::Phase::sending;
    ::shutdown(connection->stream.client_socket(), sending ? SHUT_RDWR : SHUT_RD);
  }
}

void ConnectionTable::hurry_idle(Clock::time_point latest) {
  const std::lock_guard lock(mutex_);
  for (auto* connection : connections_) {
    auto deadline = connection->deadline.load();
    const bool idle = connection->phase.load() == Connection::Phase::idle;
    if (idle && deadline > latest) connection->deadline.compare_exchange_strong(deadline, latest);
  }
}

std::size_t ConnectionTable::size() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

}  // namespace factory::edge
