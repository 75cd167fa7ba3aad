#include "edge/body_budget.hpp"

#include <algorithm>
#include <utility>

#include "edge/request_head.hpp"

namespace factory::edge {

BodyBudget::BodyBudget(const Config& config, Metrics& metrics)
    : most_(static_cast<std::uint64_t>(config.body_budget) * 1024 * 1024),
      most_per_client_(std::max(most_ / 2, max_body_bytes)),
      trusted_proxies_(config.trusted_proxies),
      metrics_(metrics) {}

std::optional<BodyBudget::Share> BodyBudget::take(const Address& client, std::uint64_t bytes) {
  if (bytes <= small) return Share();
  const Address subscriber = client.subscriber();
  const std::lock_guard lock(mutex_);
  const auto entry = per_client_.find(subscriber);
  const std::uint64_t of_client = entry == per_client_.end() ? 0 : entry->second;
  // A proxy that does not say for whom it asks speaks for many.
  const bool client_may = of_client + bytes <= most_per_client_ || any_contains(trusted_proxies_, client);
  if (!client_may || held_ + bytes > most_) {
    ++metrics_.bodies_refused;
    return std::nullopt;
  }
  per_client_[subscriber] += bytes;
  held_ += bytes;
  metrics_.body_bytes = static_cast<std::int64_t>(held_);
  return Share(*this, subscriber, bytes);
}

void BodyBudget::give_back(const Address& subscriber, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto entry = per_client_.find(subscriber);
  entry->second -= bytes;
  if (entry->second == 0) per_client_.erase(entry);
  held_ -= bytes;
  metrics_.body_bytes = static_cast<std::int64_t>(held_);
}

BodyBudget::Share& BodyBudget::Share::operator=(Share&& other) noexcept {
  if (this == &other) return *this;
  release();
  budget_ = std::exchange(other.budget_, nullptr);
  subscriber_ = other.subscriber_;
  bytes_ = other.bytes_;
  return *this;
}

void BodyBudget::Share::release() {
  if (auto* budget = std::exchange(budget_, nullptr)) budget->give_back(subscriber_, bytes_);
}

}  // namespace factory::edge
