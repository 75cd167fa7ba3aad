// The policies in force, read from their tables and cached per backend until one of them changes.
#pragma once

#include "core/rate_policy.hpp"
#include "core/uuid.hpp"
#include "pg/spi.hpp"

namespace factory::api::rate_policies {

// Registers the invalidation of the cache; called once at load.
void install();

// Tells every backend, this one too, that policies have changed; takes effect with the transaction.
void forget_everywhere();

// Whose calls a class without policies of its own is treated as: those of signed-in people (api) or of anyone (public).
enum class Caller : std::uint8_t { signed_in, anyone };

// The policies of a class of operations for a workspace, or outside of one. Valid until the next call.
const std::vector<core::RatePolicy>& of(const std::string& operation_class, const std::optional<core::Uuid>& tenant,
                                        Caller caller);

// Whether the platform has a policy for the class.
bool names(const std::string& operation_class);

// What a workspace cannot loosen: the policy in force without its own ones.
std::optional<core::RatePolicy> ceiling(const std::string& operation_class, core::Strategy strategy,
                                        const core::Uuid& tenant);

// Every policy in force for a workspace.
std::vector<core::RatePolicy> all(const core::Uuid& tenant);

}  // namespace factory::api::rate_policies
