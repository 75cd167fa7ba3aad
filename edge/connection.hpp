#pragma once

#include <atomic>
#include <cstddef>
#include <optional>

#include "edge/body_budget.hpp"
#include "edge/connection_stream.hpp"
#include "edge/database_link.hpp"
#include "edge/peer.hpp"
#include "edge/request_head.hpp"
#include "edge/work_slot.hpp"

namespace factory::edge {

/// One client connection on its way through the gate. It belongs to the thread that handles its last event;
/// others may only look at the atomic members.
struct Connection {
  /// `idle` is between two requests, before the first byte of the next; `answering` is in the hands of the database;
  /// `draining` reads on for a moment after the last answer, as closing at once could destroy it on its way.
  enum class Phase { handshake, idle, receiving, answering, sending, draining };

  Connection(int socket, SSL_CTX* tls, Address peer_address)
      : stream(socket, tls), peer(peer_address), phase(tls ? Phase::handshake : Phase::receiving) {}

  bool is_expired(Clock::time_point now) const { return deadline.load() <= now; }

  ConnectionStream stream;
  const Address peer;
  std::atomic<Phase> phase;
  HeadScanner scanner;
  /// The head of the request whose body is awaited.
  std::optional<RequestHead> head;
  /// What its body takes of the budget.
  BodyBudget::Share body_share;
  Clock::time_point received_at{};
  bool close_after_answer = false;
  unsigned served = 0;
  /// When the client must have done what it is to do now.
  std::atomic<Clock::time_point> deadline{Clock::time_point::max()};
  /// Whether it was admitted, and counts for the caps, or is only being told that it was not.
  bool admitted = false;
  /// The slot of the thread that handles it now.
  WorkSlot* slot = nullptr;
  /// Set when one thread gives it to the kernel, read when the next gets it: what the first wrote, the next sees.
  std::atomic<bool> handed_over{false};
};

}  // namespace factory::edge
