#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/config.hpp"
#include "edge/database.hpp"
#include "edge/metrics.hpp"
#include "edge/peer.hpp"
#include "edge/reply.hpp"
#include "edge/request_head.hpp"
#include "edge/tenant_choice.hpp"

namespace factory::edge {

/// One request that the gate has let through.
struct Exchange {
  const RequestHead& head;
  std::string_view body;
  /// The client, found through trusted proxies.
  Address client;
  std::string request_id;
  /// The client's socket, to notice that it has gone.
  int socket = -1;
  WorkSlot* slot = nullptr;
};

/// Answers requests: its own three paths by itself, every other by one call of the database.
class Forwarder {
 public:
  Forwarder(const Config& config, Database& database, Metrics& metrics);

  /// Never throws but std::bad_alloc: every failure becomes a problem.
  Reply answer(const Exchange& exchange);

 private:
  Reply healthz(const Exchange& exchange);
  Reply readyz(const Exchange& exchange);
  Reply metrics_page(const Exchange& exchange);
  Reply forward(const Exchange& exchange);
  Answer ask(const Exchange& exchange, const Destination& destination, CallArguments& arguments);
  Reply failure_reply(const Exchange& exchange, const DatabaseFailure& failure);

  Database& database_;
  Metrics& metrics_;
  const std::vector<Network> metrics_allow_;
  const std::vector<Network> trusted_proxies_;
};

}  // namespace factory::edge
