// The end of sign-ins.
#pragma once

#include "core/uuid.hpp"

namespace factory::api::sessions {

inline constexpr const char* token_reused = "refresh token used twice";

// Ends a session, and with it the family of its refresh tokens; one that has ended stays as it was. Runs as factory_owner,
// and waits for whoever holds the row.
void end(const core::Uuid& session, const char* reason);

// The same without waiting, and whoever runs it: false when somebody holds the row, so that it has to be tried again.
bool try_end(const core::Uuid& session, const char* reason);

}  // namespace factory::api::sessions
