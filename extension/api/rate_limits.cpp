#include "api/rate_limits.hpp"

#include "api/limiter.hpp"
#include "api/request_info.hpp"
#include "core/client_network.hpp"

namespace factory::api::rate_limits {

using core::Problem;
using core::RatePolicy;
using core::Strategy;
using core::Uuid;

namespace {

// Of the HTTP call being answered.
Headers told;
std::optional<block_log::Block> refused;

// Who is counted, as bytes of a key and as readers of the block log see it; nothing where the policy does not fit the caller.
struct Subject {
  std::string key, text;
};

std::string bytes_of(const Uuid& id) { return {reinterpret_cast<const char*>(id.data()), id.size()}; }

Subject client() {
  const std::optional<std::string>& peer = request_info().peer;
  const std::optional<core::ClientNetwork> network = core::ClientNetwork::of(peer.value_or("::"));
  if (!network) throw Problem("bad_request", "the peer is no address");
  return {std::string(network->bytes().begin(), network->bytes().end()), network->text()};
}

std::optional<Subject> subject_of(Strategy strategy, const Context* context) {
  if (strategy == Strategy::ip) return request_info().over_http ? std::optional(client()) : std::nullopt;
  if (context == nullptr) return std::nullopt;
  const Uuid tenant = context->has_tenant ? context->tenant : Uuid{};
  switch (strategy) {
    case Strategy::tenant:
      if (!context->has_tenant) return std::nullopt;
      return Subject{bytes_of(tenant), core::format_uuid(tenant)};
    case Strategy::tenant_user:
      return Subject{bytes_of(tenant) + bytes_of(context->user), core::format_uuid(context->user)};
    case Strategy::token:
      return Subject{bytes_of(context->session), core::format_uuid(context->session)};
    default:
      return std::nullopt;
  }
}

void append(std::string& list, const std::string& name, const char* first, std::int64_t a, const char* second,
            std::int64_t b) {
  if (!list.empty()) list += ", ";
  list += '"' + name + "\";" + first + '=' + std::to_string(a) + ';' + second + '=' + std::to_string(b);
}

void tell(const RatePolicy& policy, std::int64_t window, std::int64_t remaining, std::int64_t microseconds) {
  if (!request_info().over_http) return;
  append(told.policies, policy.name, "q", policy.burst, "w", core::seconds_up(window));
  append(told.state, policy.name, "r", remaining, "t", core::seconds_up(microseconds));
}

// Whether the gate will let the caller through.
bool may_call(const Declaration& declaration, const Context* context) {
  return declaration.requires_what != Requires::capability ||
         (context != nullptr && context->has_tenant && core::has(context->capabilities, declaration.capability));
}

}  // namespace

void charge(const Declaration& declaration, const Context* context) {
  const std::optional<Uuid> tenant =
      context != nullptr && context->has_tenant ? std::optional(context->tenant) : std::nullopt;
  const auto caller = declaration.gated() ? rate_policies::Caller::signed_in : rate_policies::Caller::anyone;
  for (const RatePolicy& policy : rate_policies::of(declaration.rate_class, tenant, caller)) {
    const std::optional<Subject> subject = subject_of(policy.strategy, context);
    if (!subject) continue;
    // Somebody who may not call at all does not use up what everybody in the workspace shares.
    if (policy.strategy == Strategy::tenant && !may_call(declaration, context)) continue;
    const limiter::Key key =
        limiter::key_of(policy.operation_class + '\0' + static_cast<char>(policy.strategy) + subject->key);
    const core::Rate rate = *policy.rate();
    const core::GcraDecision decision = limiter::take(limiter::Space::platform, key, rate, 1);
    if (decision.limited) refuse("rate_limited", policy, subject->text, tenant, decision.retry_after);
    tell(policy, rate.window(), decision.remaining, decision.reset_after);
  }
}

void refuse(const char* code, const RatePolicy& policy, const std::string& subject, const std::optional<Uuid>& tenant,
            std::int64_t microseconds) {
  const bool account = policy.strategy == Strategy::account;
  tell(policy, account ? policy.period * 1'000'000 : policy.rate()->window(), 0, microseconds);
  refused = block_log::Block{tenant, policy.name, std::string(core::strategy_name(policy.strategy)), subject,
                             request_info().peer};
  const std::string detail = account ? std::string()
                                     : "policy " + policy.name + ": " + std::to_string(policy.count) + " in " +
                                           std::to_string(policy.period) + " s, " + std::to_string(policy.burst) +
                                           " at once";
  throw Problem(code, detail)
      .with("retry_after", std::to_string(std::max<std::int64_t>(core::seconds_up(microseconds), 1)));
}

const Headers& headers() { return told; }

std::optional<block_log::Entry> take_block() {
  const std::optional<block_log::Block> block = std::exchange(refused, std::nullopt);
  return block ? block_log::count(*block) : std::nullopt;
}

void begin() {
  told = {};
  refused.reset();
}

}  // namespace factory::api::rate_limits
