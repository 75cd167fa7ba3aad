// Shared memory of the extension: plain structures only, requested at server start, zeroed when made.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "port/atomics.h"
#include "storage/condition_variable.h"
}

namespace factory::pg::shared_memory {

struct State {
  pg_atomic_uint32 password_hashes;          // scrypt runs under way
  ConditionVariable password_hash_finished;  // signalled when one ends
};

// Installs the request and start-up hooks; only while shared_preload_libraries are loaded.
void install();

State& state();

}  // namespace factory::pg::shared_memory
