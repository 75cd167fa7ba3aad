// The seam of a background worker: registration, connection, transactions and waiting.
#pragma once

#include "pg/guard.hpp"

extern "C" {
#include "storage/latch.h"
}

namespace factory::pg::background {

// Has the server start `entry_point`, an exported function of this library, once it is no standby (any more), and again a
// second after it ended. Only while shared_preload_libraries are loaded.
void install(const char* name, const char* entry_point);

// Connects this worker to no database: it sees the shared catalogs alone.
void connect_to_none();
// Connects to a database as a role that may log in; ends the process where that fails.
void connect(const char* database, const char* role);
// Whether connect() would find both, and the role may enter.
bool can_connect(const char* database, const char* role);

// Whether a background worker of this type runs in the server.
bool is_running(const char* type);

// From now on SIGTERM asks, by must_end(), instead of ending the process at once.
void end_politely();
bool must_end();

// Sleeps until the latch is set or the time is over, then takes in reloaded settings and answers other backends' signals.
void wait(long milliseconds);

void show_running(const char* what);
void show_idle();

// Ends the process; the server starts it again.
[[noreturn]] void end();

void begin_transaction();
void commit_transaction();
void abort_transaction();

// Runs `body` in a transaction of its own with a snapshot; what it throws arrives after the rollback.
template <typename Body>
void in_transaction(Body&& body) {
  begin_transaction();
  try {
    body();
    commit_transaction();
  } catch (const std::exception&) {
    abort_transaction();
    throw;
  }
}

}  // namespace factory::pg::background
