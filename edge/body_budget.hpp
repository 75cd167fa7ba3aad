#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "edge/config.hpp"
#include "edge/metrics.hpp"
#include "edge/peer.hpp"

namespace factory::edge {

/// How many bytes of request bodies may be held at once, over all clients and by one of them. A body of at most
/// `small` bytes is no more than a head may be, which the cap of connections bounds: it is not counted, so that those
/// who use the budget up cannot keep the ordinary calls of others out.
class BodyBudget {
 public:
  static constexpr std::uint64_t small = 16 * 1024;

  BodyBudget(const Config& config, Metrics& metrics);

  /// The bytes of one body, from its first to the answer; they are given back when it is destroyed or overwritten.
  class Share {
   public:
    /// Of nothing.
    Share() = default;
    Share(Share&& other) noexcept { *this = std::move(other); }
    Share& operator=(Share&& other) noexcept;
    ~Share() { release(); }

   private:
    friend class BodyBudget;
    Share(BodyBudget& budget, const Address& subscriber, std::uint64_t bytes)
        : budget_(&budget), subscriber_(subscriber), bytes_(bytes) {}
    void release();

    BodyBudget* budget_ = nullptr;
    Address subscriber_;
    std::uint64_t bytes_ = 0;
  };

  /// The share of a body of `bytes` bytes that `client` is about to send; nothing when it does not fit now: all
  /// clients together may hold the budget, one of them half of it (or one whole body, if that is more).
  std::optional<Share> take(const Address& client, std::uint64_t bytes);

 private:
  void give_back(const Address& subscriber, std::uint64_t bytes);

  const std::uint64_t most_;
  const std::uint64_t most_per_client_;
  const std::vector<Network> trusted_proxies_;
  Metrics& metrics_;

  std::mutex mutex_;
  std::uint64_t held_ = 0;
  std::map<Address, std::uint64_t> per_client_;
};

}  // namespace factory::edge
