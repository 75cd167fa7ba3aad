// What runtime logins (members of factory_app) may not do in SQL, because it would carry rows from one context to the next,
// and what nobody may do to the platform's objects.
#pragma once

#include "pg/postgres.hpp"

namespace factory::api::statement_rules {

// Installs the utility and object access hooks; called once at load.
void install();

// Whether the login behind the session is one that apps run as.
bool is_runtime_login();

// Whether a DO or CALL that may commit is on the stack.
bool inside_nonatomic_block();

}  // namespace factory::api::statement_rules
