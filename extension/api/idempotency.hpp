// Idempotency-Key: a POST that is sent again has one effect and one answer (draft-ietf-httpapi-idempotency-key-header).
#pragma once

#include "api/context.hpp"
#include "api/declarations.hpp"
#include "api/http_message.hpp"

namespace factory::api {

// One keyed call. The answer is kept sealed under a key that only the caller's Idempotency-Key and id can derive.
class IdempotentCall {
 public:
  // Nothing when the call has no key or takes none. tenant: the workspace that the call names. Throws bad_request for a
  // malformed key.
  static std::optional<IdempotentCall> of(const Declaration& declaration, const HttpRequest& request,
                                          const Context& caller, const std::optional<core::Uuid>& tenant);

  // The first answer, if there was one. Throws idempotency_mismatch when it answered another request, and
  // idempotency_in_progress while the first call still runs.
  std::optional<HttpAnswer> replay() const;

  // Keeps a 2xx answer for 24 hours, in the transaction of its effect.
  void keep(const HttpAnswer& answer) const;

 private:
  IdempotentCall() = default;
  core::Uuid user_{};
  std::optional<core::Uuid> tenant_;
  std::string key_hash_, fingerprint_, sealing_key_;
};

}  // namespace factory::api
