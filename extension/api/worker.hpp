// The one background worker: connected to factory.database as factory_jobs, it writes the evidence and does what is due
// more often than a minute. It runs no code of an app and sleeps without a transaction.
#pragma once

#include "pg/postgres.hpp"

namespace factory::api::worker {

// A duty of the worker; a namespace-scope object that never ends:
//
//   const worker::Every flush("flush request counters", 5, flush_request_counters);
//
// `run` is called every so many seconds, and once more at a clean stop, in a transaction of its own, only where the
// extension is installed and never on a standby. What it throws is logged and rolled back, and it is called again when it
// is due again. At most 64 duties.
class Every {
 public:
  Every(const char* name, int seconds, void (*run)());
  Every(const Every&) = delete;
  Every& operator=(const Every&) = delete;

  // From any backend: have it run now. Costs next to nothing when it is asked for already.
  void soon() const;

  const char* const name;
  const int seconds;
  void (*const run)();
  const int number;
  const Every* const next;
};

// Registers the worker; only while shared_preload_libraries are loaded.
void install();

// From any backend: there is something to do. Never raises.
void wake();
// Whether the worker is connected.
bool runs();
// Its process id, 0 while it is not connected.
int process_id();

}  // namespace factory::api::worker
