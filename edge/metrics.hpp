#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace factory::edge {

/// What the process counts about itself. All members are safe to touch from any thread.
class Metrics {
 public:
  Metrics();

  /// One answered request. `reads` is true for GET, HEAD and OPTIONS.
  void count_request(bool reads, int status, std::int64_t microseconds);

  /// One problem that the edge answered itself.
  void count_refusal(std::string_view code);

  std::atomic<std::int64_t> connections{0};
  std::atomic<std::uint64_t> connections_accepted{0};
  std::atomic<std::uint64_t> connections_refused{0};
  std::atomic<std::int64_t> body_bytes{0};
  std::atomic<std::uint64_t> bodies_refused{0};
  std::atomic<std::int64_t> pool_in_use{0};
  std::atomic<std::int64_t> pool_idle{0};
  std::atomic<std::int64_t> pool_waiting{0};
  std::atomic<std::uint64_t> pool_waits{0};
  std::atomic<std::uint64_t> pool_connects{0};
  std::atomic<std::uint64_t> pool_losses{0};
  std::atomic<std::uint64_t> outbox_claimed{0};
  std::atomic<std::uint64_t> outbox_delivered{0};
  std::atomic<std::uint64_t> outbox_failed{0};
  std::atomic<std::int64_t> outbox_in_flight{0};
  std::atomic<std::int64_t> outbox_waiting{0};
  std::atomic<std::int64_t> outbox_due{0};
  std::atomic<std::int64_t> outbox_oldest_seconds{0};
  /// What the database said of the platform when it was asked last: 0 green, 1 amber, 2 red; 1 in safe mode. Negative:
  /// nobody has asked, or it did not answer.
  std::atomic<int> platform_colour{-1};
  std::atomic<int> safe_mode{-1};

  /// Everything in the Prometheus text format.
  std::string prometheus_text() const;

 private:
  static constexpr std::array<double, 12> bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                 0.1,   0.25,   0.5,   1.0,  2.5,   10.0};
  using Counter = std::atomic<std::uint64_t>;

  std::array<std::array<Counter, 600>, 2> requests_{};
  std::array<Counter, bounds.size() + 1> latency_{};
  Counter latency_microseconds_{0};
  std::vector<Counter> refusals_;
};

}  // namespace factory::edge
