// Webhooks as the outbox sees them: events that become messages, messages that become signed calls, and what follows from
// their fate.
#pragma once

#include "api/audit_log.hpp"
#include "api/outbox.hpp"

namespace factory::api::webhooks {

// An audit event as it was written.
struct Recorded {
  const audit::Event& event;
  core::Uuid id;
  TimestampTz at;
  std::string_view actor_type, actor_id;
};

// Queues a message for each endpoint of the workspace that wants the event; costs next to nothing where there is none.
void publish(const Recorded& recorded);

// Queues an event for one endpoint, whatever it subscribed to; the id of the message.
core::Uuid send_test(const core::Uuid& tenant, const core::Uuid& endpoint);

// The call of a claimed message, signed now. Within a TenantScope. Throws when the secret cannot be opened.
std::variant<outbox::Call, outbox::Unsendable> prepare(const core::Uuid& tenant, const core::Uuid& endpoint,
                                                       const core::Uuid& message, const std::string& body);

// Counts a delivery or a failure; an endpoint that fails for long, or wants no more (gone), is disabled.
void note(const core::Uuid& tenant, const core::Uuid& endpoint, core::Verdict verdict);

// Every backend drops what it holds of the endpoints. By the statement trigger of their table.
void forget_endpoints(Oid table);

}  // namespace factory::api::webhooks
