// Calls out: rows that a relay sends after the transaction has committed. No backend ever waits for a network.
#pragma once

#include "core/delivery.hpp"
#include "pg/spi.hpp"

namespace factory::api::outbox {

// Owner of the messages that belong to no workspace.
inline constexpr core::Uuid platform_tenant{};

enum class Source : std::uint8_t { webhook, mail, platform };

struct Message {
  core::Uuid tenant;
  core::Uuid id;
  Source source;
  std::string topic;                            // event type, template or the like, for people
  std::optional<core::Uuid> reference = {};     // the webhook endpoint
  std::optional<std::string> destination = {};  // URL or mail address; nothing: found when it is sent
  std::string headers = {};                     // "Name: value" lines
  std::string body = {};
  std::optional<core::Uuid> secret_id = {};  // the body where it is a stored secret
  TimestampTz not_before = 0;
};

// Queues a message in this transaction, and wakes the relays when it commits. Whose rights it runs with makes no difference.
void enqueue(const Message& message);

// What a relay needs to send a message.
struct Call {
  std::string destination, sender, headers, body;
};

// Why a claimed message is not sent after all: it is discarded with this sentence.
struct Unsendable {
  std::string detail;
};

// Discards the waiting messages of a webhook endpoint that is gone. Within a TenantScope or context.
void discard_webhooks_of(const core::Uuid& tenant, const core::Uuid& endpoint, const std::string& detail);

// Whether operators opened any network to plain http.
bool plain_http_is_possible();

}  // namespace factory::api::outbox
