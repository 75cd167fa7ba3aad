// Stored secrets: connectors, webhooks, second factors and whatever else must keep one use this and nothing else. Each is
// sealed under the random data key of its workspace, which the encryption key wraps.
#pragma once

#include "crypto/envelope.hpp"
#include "pg/spi.hpp"

namespace factory::api::secrets {

// Whose secret: a workspace's, or the platform's own.
using Owner = std::optional<core::Uuid>;

struct Stored {
  core::Uuid id;
  std::int64_t version;
  TimestampTz set_at;
};

struct Opened {
  std::int64_t version;
  crypto::Secret value;
};

// Stores a secret under a name, or its next version; the one before stands for `overlap_seconds` beside it. Names with a
// slash ("webhook/<id>") are the platform's own, apps cannot reach them. Throws safe_mode.
Stored put(const Owner& owner, const std::string& name, crypto::ByteView value, int overlap_seconds = 0);

// Removes a secret with all its versions; its id, or nothing when there is none.
std::optional<core::Uuid> remove(const Owner& owner, const std::string& name);

// What a secret is opened for: the claimed message, say. It stands in the audit event of the opening.
struct Use {
  std::string type, id;
};

// The versions of a secret that stand now, the newest first, for the one caller that needs them: what it gives out must
// reach no tenant. Recorded before it returns. Throws not_found, secret_unreadable, safe_mode.
std::vector<Opened> open(const Owner& owner, const core::Uuid& id, const Use& use);

// How many stored versions there are, and how many do not open. Throws safe_mode.
struct Verdict {
  std::int64_t secrets = 0, unreadable = 0;
};
Verdict verify(const Owner& owner);

}  // namespace factory::api::secrets
