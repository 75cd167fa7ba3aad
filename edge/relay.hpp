#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "edge/metrics.hpp"
#include "edge/outbound_call.hpp"
#include "edge/relay_link.hpp"

namespace factory::edge {

/// Sends what stands in the outbox: one thread, one connection to the database, many calls at once. Any number of them, in
/// one process or many, share the work.
class Relay {
 public:
  struct Settings {
    std::string database_url;
    /// Calls out at once.
    int transfers = 0;
    OutboundSettings outbound;
  };

  Relay(Settings settings, Metrics& metrics);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Works until stop() is called. An outage of the database is waited out; what was sent meanwhile is reported after it.
  void run();

  /// Ends run() soon, from any thread: nothing new is claimed, calls on their way get some seconds, and the leases of those
  /// that were not answered by then are given back.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  using Multi = std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)>;

  void work();
  void claim();
  void start(OutboundMessage message);
  void collect();
  void report();
  void look_after(Clock::time_point now);
  void wait();
  void give_back();

  const Settings settings_;
  Metrics& metrics_;
  const std::string worker_;
  Multi multi_;
  std::unique_ptr<RelayLink> link_;
  OutboundPolicy policy_;
  std::unordered_map<const OutboundCall*, std::unique_ptr<OutboundCall>> calls_;
  std::vector<OutboundResult> unreported_;
  std::atomic<bool> stopping_{false};
  Clock::time_point claim_at_{};
  Clock::time_point look_at_{};
  Clock::time_point purge_at_{};
};

}  // namespace factory::edge
