// A lock that ends with the transaction and that no SQL of anybody else can take.
#pragma once

#include "pg/guard.hpp"

extern "C" {
#include "storage/lock.h"
}

namespace factory::pg {

// Takes the lock of `key` under a table of ours, or says at once that another transaction has it.
inline bool try_lock(Oid table, std::uint32_t key) {
  return call([table, key] {
    LOCKTAG tag;
    SET_LOCKTAG_OBJECT(tag, MyDatabaseId, table, key, 1);
    return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
  });
}

}  // namespace factory::pg
