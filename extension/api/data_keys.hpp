// Data keys: one random key for each workspace and one for the platform, wrapped by the encryption key.
#pragma once

#include "api/secrets.hpp"
#include "api/secrets_store.hpp"

namespace factory::api::data_keys {

struct DataKey {
  core::Uuid id;
  crypto::Secret key;
};

// What keeps data keys from being used, and what mends it, or empty: the encryption key is missing or weak, or one that
// data keys are wrapped by was not given to this server.
std::string trouble();

// The owner's key for one more encryption, made at the first. It is neither destroyed nor wrapped anew until the
// transaction ends. Throws safe_mode.
DataKey for_encryption(const secrets::Owner& owner);

// Unwraps a row of factory.data_keys; nothing when it was destroyed or altered. Throws safe_mode for an unknown key.
std::optional<crypto::Secret> unwrap(const secrets::Owner& owner, const core::Uuid& id,
                                     const std::optional<core::Uuid>& encryption_key, std::string_view wrapped);

// Wraps up to `batch` keys with the current encryption key. Throws safe_mode.
struct Progress {
  std::int64_t rewrapped = 0, remaining = 0;
};
Progress rewrap(int batch);

// Destroys all keys of a workspace; how many there were. Throws tenant_not_found.
std::int64_t destroy(const core::Uuid& tenant);

}  // namespace factory::api::data_keys
