// Safe mode: while the platform is misconfigured in a way that could do harm, or an operator says so, nothing is written
// through declared calls but what repairs it. It is on for as long as there is a reason.
#pragma once

#include "api/declarations.hpp"

namespace factory::api::safe_mode {

// One kind of misconfiguration; a namespace-scope object that never ends:
//
//   const safe_mode::Cause identifier("system_identifier", foreign_identifier);
//
// `reason` returns what is wrong and what mends it, in one sentence, or empty. It is asked once a backend and again after
// changed(), in any transaction of the platform's database, as factory_owner: it reads the newest committed rows, writes
// nothing, and does not start a command (systable scans, no SPI), as it may be asked in a parallel worker.
class Cause {
 public:
  Cause(const char* name, std::string (*reason)());
  Cause(const Cause&) = delete;
  Cause& operator=(const Cause&) = delete;

  const char* const name;
  std::string (*const reason)();
  const Cause* const next;
};

struct Reason {
  std::string cause, text;
};

// Why the platform is in safe mode; empty when it is not. Kept by each backend: asking again costs one comparison.
const std::vector<Reason>& reasons();
inline bool is_on() { return !reasons().empty(); }

// What a cause depends on has changed: every backend asks anew once this transaction has committed.
void changed();

// Keeps a reason as a row of factory.safe_mode_reasons, or takes it back (empty text), and records either. As factory_owner.
// Returns whether anything changed.
bool put(const std::string& cause, const std::string& text, const std::string& by);

// Throws safe_mode with the reasons unless the declared function only reads, signs somebody in or out, or repairs.
void check(const Declaration& declaration);

}  // namespace factory::api::safe_mode
