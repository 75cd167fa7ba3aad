// Guesses at one account: after so many failures in the window of the policy nobody signs in there until it is over. An address
// that has no account is treated the same.
#pragma once

#include "api/audit_log.hpp"
#include "api/limiter.hpp"
#include "core/rate_policy.hpp"
#include "pg/spi.hpp"

namespace factory::api {

// One try to sign in with an address. It counts as a failure from its beginning, so that tries at the same time cannot get
// past the limit together, and outlives ROLLBACK; one that comes to no verdict is taken back.
class SignInAttempt {
 public:
  // subject: digest of the address. Throws account_locked. Runs as factory_owner, inside an SPI connection.
  explicit SignInAttempt(std::string subject);
  ~SignInAttempt();
  SignInAttempt(const SignInAttempt&) = delete;
  SignInAttempt& operator=(const SignInAttempt&) = delete;

  // The password was right: earlier failures are forgotten.
  void succeeded();

  // It was wrong. When that was the last one allowed, the account is locked from now on, and what is returned makes the
  // lock outlive a restart, once it is written.
  std::optional<audit::AccountLock> failed();

 private:
  const std::string subject_;
  const limiter::Key tries_, failures_;
  const std::optional<core::RatePolicy> policy_;
  bool decided_ = false;
};

// Writes a lock-out down, in this transaction.
void write_lock(const audit::AccountLock& lock);

// Ends a lock-out; returns whether there was one.
bool unlock_account(const std::string& subject);

}  // namespace factory::api
