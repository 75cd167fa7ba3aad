#include "core/roles.hpp"

#include <algorithm>
#include <iterator>

namespace factory::core {
namespace {

constexpr const char* kNames[kCapabilityCount] = {
    "workspace.view",    "workspace.manage", "workspace.delete", "members.manage",   "modules.manage",
    "connectors.manage", "api_keys.manage",  "records.write",    "ai.use",           "publish.manage",
    "billing.manage",    "audit.view",       "data.export",      "compliance.manage"};

constexpr CapabilitySet kEverything = (CapabilitySet{1} << kCapabilityCount) - 1;

// An admin is an owner without what cannot be undone and without money.
constexpr Role kRoles[] = {
    {"owner", 4, kEverything},
    {"admin", 3, kEverything & ~bit(Capability::workspace_delete) & ~bit(Capability::billing_manage)},
    {"staff", 2, bit(Capability::workspace_view) | bit(Capability::records_write) | bit(Capability::ai_use)},
    {"viewer", 1, bit(Capability::workspace_view)},
};

}  // namespace

std::span<const char* const> capability_names() { return kNames; }

const char* capability_name(Capability capability) { return kNames[static_cast<std::size_t>(capability)]; }

std::optional<Capability> find_capability(std::string_view name) {
  const auto found = std::ranges::find(kNames, name, [](const char* text) { return std::string_view(text); });
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<Capability>(found - std::begin(kNames));
}

std::span<const Role> built_in_roles() { return kRoles; }

const Role* find_role(std::string_view name) {
  const auto found = std::ranges::find(kRoles, name, &Role::name);
  return found == std::end(kRoles) ? nullptr : &*found;
}

bool may_manage(const Role& actor, const Role& target) {
  return has(actor.capabilities, Capability::members_manage) && target.rank <= actor.rank;
}

}  // namespace factory::core
