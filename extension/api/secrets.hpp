// The secrets that the server process reads once at start. They live in its memory only: never in a setting, a table,
// a log line or an error text.
#pragma once

#include "crypto/bytes.hpp"
#include "pg/postgres.hpp"

namespace factory::api::secrets {

// Reads SESSION_SECRET from the environment, else from factory.secrets_file. A missing or weak one is
// logged and refuses the functions that need it; the server starts all the same.
void load();

// What keeps access tokens from being signed or verified, or empty.
const std::string& session_trouble();

// Key that signs access tokens (HS256) and its name; throws safe_mode when there is none.
crypto::ByteView token_key();
const std::string& token_key_id();

}  // namespace factory::api::secrets
