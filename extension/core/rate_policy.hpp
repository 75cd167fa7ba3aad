#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/gcra.hpp"

namespace factory::core {

/// What calls are counted by. `account` counts failed sign-ins of an address instead of calls.
enum class Strategy : std::uint8_t { ip, tenant, tenant_user, api_key, token, account };

std::optional<Strategy> find_strategy(std::string_view name);
std::string_view strategy_name(Strategy strategy);

/// Whether a text may name a class of operations or a policy: 1 to 40 of a-z, 0-9 and _, beginning with a letter.
bool valid_rate_class(std::string_view name);

/// Who made a policy, from the weakest to the strongest. The workspace's own one can only tighten what the others say.
enum class PolicySource : std::uint8_t { platform, plan, operator_, workspace };

std::string_view source_name(PolicySource source);

/// One policy: for a class of operations and a strategy, of everybody, of a plan or of one workspace.
struct RatePolicy {
  std::string name;
  std::string operation_class;
  Strategy strategy = Strategy::ip;
  PolicySource source = PolicySource::platform;
  std::optional<std::string> plan;
  std::int64_t burst = 1, count = 1, period = 1;
  bool enabled = true;
  bool shipped = false;

  /// Nothing for numbers that Rate::of refuses.
  std::optional<Rate> rate() const { return Rate::of(burst, count, period); }
  /// Whether it lets more through than the other, at once or on average.
  bool looser_than(const RatePolicy& other) const;
  /// This policy, with no more than the other lets through.
  RatePolicy tightened_by(const RatePolicy& other) const;
};

/// The policies in force for a class of operations, one for each strategy at most, in the order of the strategies.
///
/// platform: rows for everybody and for plans, where a row that is not shipped stands in for the shipped one; tenant: rows of
/// the workspace, by its operator or itself. The first of these decides: the operator's for the workspace, that of its plan,
/// the one for everybody; it may say that there is no limit. The workspace's own then tightens it. A class that nobody
/// has made a policy for is treated as `fallback`.
std::vector<RatePolicy> resolve_policies(std::span<const RatePolicy> platform, std::span<const RatePolicy> tenant,
                                         const std::optional<std::string>& plan, std::string_view operation_class,
                                         std::string_view fallback);

}  // namespace factory::core
