// scrypt in a backend: memory-hard, so the whole server runs only a few at once.
#pragma once

#include "crypto/scrypt.hpp"

namespace factory::api::passwords {

// The configured cost.
crypto::ScryptParams parameters();

// Hash and check under the cap; waits for a slot, then throws kdf_busy.
std::string hash(std::string_view password);
crypto::PasswordCheck verify(std::string_view password, const std::string& phc);

// Costs what a real check costs, for addresses that have no account.
void verify_nothing(std::string_view password);

}  // namespace factory::api::passwords
