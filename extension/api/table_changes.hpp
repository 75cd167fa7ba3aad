// Changes of protected tables. Whoever alters one, its partitions or what hangs on them leaves an event in the platform's log
// and a row of factory.table_changes, which lint() shows until an operator acknowledges it.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "catalog/objectaccess.h"
}

namespace factory::api::table_changes {

// Installs the callbacks of transactions; called once at load.
void install();

// For the object access hook: notes which table the object belongs to. Catalogs are half changed at that moment, so nothing
// is asked but them, and nothing is written.
void note(ObjectAccessType access, Oid catalog, Oid object, int column, const void* argument);

// The same for the table that a statement names: not every form of ALTER TABLE meets the hook.
void note(const RangeVar* table);

// How much is noted and not written down. A command takes it at its beginning: commands run inside of commands, by code in
// an index for one, and an inner one, which may fail and be undone, must not answer for what the outer has noted.
std::size_t count();

// Forgets what was noted.
void forget();

// At the end of a command, while the transaction still stands: writes down which protected tables it changed. `before` is
// count() at its beginning, `command` its tag, such as "ALTER TABLE".
void record(std::size_t before, const char* command);

}  // namespace factory::api::table_changes
