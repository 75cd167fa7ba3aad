// Who may hand out which role.
#pragma once

#include "core/roles.hpp"

#include <string>

namespace factory::api {

// The role of that name, when the person of the context may give it to somebody. Throws validation_failed for an unknown
// name and forbidden for one that can do more than the caller's own.
const core::Role& grantable_role(const std::string& name);

}  // namespace factory::api
