#include "pg/shared_memory.hpp"

namespace factory::pg::shared_memory {

namespace {

AreaBase* areas = nullptr;  // constant-initialized, so it is there before the first area's constructor runs
shmem_request_hook_type next_request = nullptr;
shmem_startup_hook_type next_startup = nullptr;

}  // namespace

AreaBase::AreaBase(const char* name, int lock_count) : name_(name), lock_count_(lock_count), next_(areas) {
  areas = this;
}

void request() {
  if (next_request) next_request();
  for (const AreaBase* area = areas; area != nullptr; area = area->next_) {
    RequestAddinShmemSpace(MAXALIGN(area->size()));
    if (area->lock_count_ > 0) RequestNamedLWLockTranche(area->name_, area->lock_count_);
  }
}

void start_up() {
  if (next_startup) next_startup();
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  for (AreaBase* area = areas; area != nullptr; area = area->next_) {
    bool found;
    const std::size_t size = area->size();
    area->place_ = ShmemInitStruct(area->name_, size, &found);
    if (area->lock_count_ > 0) area->locks_ = GetNamedLWLockTranche(area->name_);
    if (found) continue;
    std::memset(area->place_, 0, size);
    area->make();
  }
  LWLockRelease(AddinShmemInitLock);
}

void install() {
  next_request = shmem_request_hook;
  shmem_request_hook = request;
  next_startup = shmem_startup_hook;
  shmem_startup_hook = start_up;
}

}  // namespace factory::pg::shared_memory
