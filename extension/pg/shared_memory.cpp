#include "pg/shared_memory.hpp"

#include "pg/guard.hpp"

namespace factory::pg::shared_memory {

namespace {

State* shared = nullptr;
shmem_request_hook_type next_request = nullptr;
shmem_startup_hook_type next_startup = nullptr;

void request() {
  if (next_request) next_request();
  RequestAddinShmemSpace(MAXALIGN(sizeof(State)));
}

void startup() {
  if (next_startup) next_startup();
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  bool found;
  auto* state = static_cast<State*>(ShmemInitStruct("platform_factory", sizeof(State), &found));
  if (!found) {
    pg_atomic_init_u32(&state->password_hashes, 0);
    ConditionVariableInit(&state->password_hash_finished);
  }
  shared = state;
  LWLockRelease(AddinShmemInitLock);
}

}  // namespace

void install() {
  next_request = shmem_request_hook;
  shmem_request_hook = request;
  next_startup = shmem_startup_hook;
  shmem_startup_hook = startup;
}

State& state() { return *shared; }

}  // namespace factory::pg::shared_memory
