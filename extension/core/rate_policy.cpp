#include "core/rate_policy.hpp"

#include <algorithm>
#include <array>

namespace factory::core {

namespace {

constexpr std::array<std::string_view, 6> strategies{"ip", "tenant", "tenant_user", "api_key", "token", "account"};
constexpr std::array<std::string_view, 4> sources{"platform", "plan", "operator", "workspace"};

// Whether a's average is above b's, without division.
bool quicker(const RatePolicy& a, const RatePolicy& b) { return a.count * b.period > b.count * a.period; }

const RatePolicy* find(std::span<const RatePolicy> rows, std::string_view operation_class, Strategy strategy,
                       PolicySource source, const std::optional<std::string>& plan) {
  const RatePolicy* found = nullptr;
  for (const RatePolicy& row : rows)
    if (row.operation_class == operation_class && row.strategy == strategy && row.source == source &&
        row.plan == plan && (found == nullptr || found->shipped))
      found = &row;
  return found;
}

}  // namespace

std::optional<Strategy> find_strategy(std::string_view name) {
  const auto* found = std::ranges::find(strategies, name);
  if (found == strategies.end()) return std::nullopt;
  return static_cast<Strategy>(found - strategies.begin());
}

std::string_view strategy_name(Strategy strategy) { return strategies[static_cast<std::size_t>(strategy)]; }

bool valid_rate_class(std::string_view name) {
  return !name.empty() && name.size() <= 40 && name[0] >= 'a' && name[0] <= 'z' &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

std::string_view source_name(PolicySource source) { return sources[static_cast<std::size_t>(source)]; }

bool RatePolicy::looser_than(const RatePolicy& other) const { return burst > other.burst || quicker(*this, other); }

RatePolicy RatePolicy::tightened_by(const RatePolicy& other) const {
  RatePolicy both = quicker(*this, other) ? other : *this;
  both.burst = std::min(burst, other.burst);
  both.source = source;
  return both.rate() ? both : *this;
}

std::vector<RatePolicy> resolve_policies(std::span<const RatePolicy> platform, std::span<const RatePolicy> tenant,
                                         const std::optional<std::string>& plan, std::string_view operation_class,
                                         std::string_view fallback) {
  const bool known = std::ranges::find(platform, operation_class, &RatePolicy::operation_class) != platform.end() ||
                     std::ranges::find(tenant, operation_class, &RatePolicy::operation_class) != tenant.end();
  if (!known && operation_class != fallback) return resolve_policies(platform, tenant, plan, fallback, fallback);
  std::vector<RatePolicy> result;
  for (std::size_t i = 0; i < strategies.size(); ++i) {
    const auto strategy = static_cast<Strategy>(i);
    const RatePolicy* ceiling = find(tenant, operation_class, strategy, PolicySource::operator_, std::nullopt);
    if (ceiling == nullptr && plan) ceiling = find(platform, operation_class, strategy, PolicySource::plan, plan);
    if (ceiling == nullptr) ceiling = find(platform, operation_class, strategy, PolicySource::platform, std::nullopt);
    if (ceiling != nullptr && (!ceiling->enabled || !ceiling->rate())) ceiling = nullptr;
    const RatePolicy* own = find(tenant, operation_class, strategy, PolicySource::workspace, std::nullopt);
    if (own != nullptr && (!own->enabled || !own->rate())) own = nullptr;
    if (own != nullptr)
      result.push_back(ceiling != nullptr ? own->tightened_by(*ceiling) : *own);
    else if (ceiling != nullptr)
      result.push_back(*ceiling);
    else
      continue;
    if (own != nullptr && ceiling != nullptr) result.back().name = ceiling->name;
  }
  return result;
}

}  // namespace factory::core
