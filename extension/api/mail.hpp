// Mails: templates filled with values, queued in the outbox with their content sealed, since it may hold a token.
#pragma once

#include "api/outbox.hpp"
#include "core/mail_template.hpp"

namespace factory::api::mail {

struct Mail {
  core::Uuid tenant;  // outbox::platform_tenant for the platform's own
  std::string template_name, locale, to;
  core::MailValues values;
};

// Queues a mail in this transaction; the id of its message. Throws not_found (no such template), validation_failed,
// safe_mode (no key to seal it with). As factory_owner.
core::Uuid enqueue(const Mail& mail);

// The call of a claimed mail. Within a TenantScope. Throws when its content cannot be opened.
std::variant<outbox::Call, outbox::Unsendable> prepare(const core::Uuid& tenant, const core::Uuid& message,
                                                       const std::string& to, const core::Uuid& secret);

// Removes the content of a mail that is not needed any more.
void forget_content(const core::Uuid& tenant, const core::Uuid& message);

// A link for people, made of factory.public_url: never of what a request says.
std::string public_link(const std::string& path);

}  // namespace factory::api::mail
