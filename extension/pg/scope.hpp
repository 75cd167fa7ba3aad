// Scopes that put the server's state back on every exit.
#pragma once

#include "pg/guard.hpp"

namespace factory::pg {

// Runs as another role. Both calls only assign variables, so neither can raise.
class RunAs {
 public:
  RunAs(Oid role, int security) {
    GetUserIdAndSecContext(&role_, &security_);
    SetUserIdAndSecContext(role, security_ | security);
  }
  ~RunAs() { SetUserIdAndSecContext(role_, security_); }
  RunAs(const RunAs&) = delete;
  RunAs& operator=(const RunAs&) = delete;

 private:
  Oid role_;
  int security_;
};

// A nest level of settings: whatever SET did inside is undone at the end.
class SettingsScope {
 public:
  SettingsScope() : level_(NewGUCNestLevel()) {}
  ~SettingsScope() { AtEOXact_GUC(false, level_); }
  SettingsScope(const SettingsScope&) = delete;
  SettingsScope& operator=(const SettingsScope&) = delete;

 private:
  int level_;
};

// The search path of our own statements and look-ups, whatever the session's is: an operator or a type of a user must not
// take the place of the server's, least of all where we run with other rights than the caller's.
class PinnedPath {
 public:
  PinnedPath() {
    call([] {
      set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, ERROR,
                        false);
    });
  }

 private:
  SettingsScope settings_;
};

// Sets a variable for the life of the object.
template <typename T>
class Restored {
 public:
  Restored(T& variable, T value) : variable_(variable), before_(variable) { variable_ = value; }
  ~Restored() { variable_ = before_; }
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;

 private:
  T& variable_;
  T before_;
};

enum class Access : bool { read_write, read_only };

// Read-only subtransactions around the running code. RESET ends XactReadOnly without asking on 15, so the hooks on
// statements call insist_on_read_only() before each.
inline int read_only_depth = 0;
inline void insist_on_read_only() {
  if (read_only_depth > 0) XactReadOnly = true;
}

// Runs `body` in a subtransaction: what it throws arrives after its effects were rolled back, and the transaction goes on.
// A read-only one refuses every write inside (25006).
template <typename Body>
void in_subtransaction(Access access, Body&& body) {
  const MemoryContext memory = CurrentMemoryContext;
  const ResourceOwner owner = CurrentResourceOwner;
  const Restored<int> depth(read_only_depth, read_only_depth + (access == Access::read_only ? 1 : 0));
  call([access] {
    BeginInternalSubTransaction(nullptr);
    if (access == Access::read_only) XactReadOnly = true;
  });
  try {
    body();
  } catch (const std::exception&) {
    // Whatever was current when it failed may be gone with the subtransaction.
    MemoryContextSwitchTo(memory);
    call([owner] {
      RollbackAndReleaseCurrentSubTransaction();
      CurrentResourceOwner = owner;
    });
    PostgresError::settle();
    throw;
  }
  MemoryContextSwitchTo(memory);
  call([owner] {
    ReleaseCurrentSubTransaction();
    CurrentResourceOwner = owner;
  });
}

}  // namespace factory::pg
