// The secrets that the server process reads once at start. They live in its memory only: never in a setting, a table,
// a log line or an error text.
#pragma once

#include "core/uuid.hpp"
#include "crypto/bytes.hpp"
#include "pg/postgres.hpp"

namespace factory::api::secrets {

// Reads SESSION_SECRET, ENCRYPTION_KEY, ENCRYPTION_KEY_PREVIOUS and ENCRYPTION_KEY_PREVIOUS_2 from the environment, else from
// factory.secrets_file. A missing or weak one is logged and refuses the functions that need it; the server starts all the
// same.
void load();

// What keeps access tokens from being signed or verified, or empty.
const std::string& session_trouble();

// Key that signs access tokens (HS256) and its name; throws safe_mode when there is none.
crypto::ByteView token_key();
const std::string& token_key_id();

// What is wrong with ENCRYPTION_KEY as it was given, or empty.
const std::string& encryption_trouble();

// A key that wraps data keys, derived from ENCRYPTION_KEY, and its fingerprint, which reveals nothing of it.
struct EncryptionKey {
  core::Uuid id;
  crypto::Secret key;
};

// The key of ENCRYPTION_KEY; throws safe_mode when there is none.
const EncryptionKey& encryption_key();

// That key or one of the two previous ones; nullptr when the server was given no such key.
const EncryptionKey* find_encryption_key(const core::Uuid& id);

}  // namespace factory::api::secrets
