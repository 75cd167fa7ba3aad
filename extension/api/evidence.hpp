// Evidence that stays whatever becomes of the transaction, the session or the backend that it comes from: through shared
// memory to the background worker, who writes the event.
//
// A refusal needs none of these calls: each problem with status 401 or 403 that leaves the extension over direct SQL leaves
// its event by itself, and audit::refuse() says more. Over HTTP serve() writes it in its own transaction.
#pragma once

#include "api/audit_log.hpp"

namespace factory::api::evidence {

// Watches the refusals; called once at load.
void install();

// Leaves evidence now, and waits up to factory.evidence_wait for it to be written. Where the ring is full the event is lost
// and counted, and an event says so later. Nothing happens in another database than factory.database.
void leave(const audit::Evidence& left);

// For what must not go unseen (reads across workspaces, decryption): its event is committed when this returns. Throws
// evidence_unavailable otherwise.
void leave_first(const audit::Event& event);

// For the worker: whether there is something to write, and the writing of it. `is_there` says, in a transaction, whether the
// extension is installed; without it evidence is thrown away. False when something has to be tried again later.
bool is_waiting();
bool drain(bool (*is_there)());

}  // namespace factory::api::evidence
