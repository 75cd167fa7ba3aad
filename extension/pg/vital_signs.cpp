#include "pg/vital_signs.hpp"

#include "pg/guard.hpp"

extern "C" {
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "replication/walreceiver.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/spin.h"
}

#include <sys/statvfs.h>

namespace factory::pg {

Disk disk_of_data() {
  struct statvfs facts;
  if (statvfs(DataDir, &facts) != 0) return {0, 0};
  const auto bytes = [&facts](auto blocks) {
    return static_cast<double>(blocks) * static_cast<double>(facts.f_frsize);
  };
  return {bytes(facts.f_blocks - facts.f_bfree), bytes(facts.f_bavail)};
}

Replication replication() {
  return call([] {
    Replication result{0, 0, 0};
    if (RecoveryInProgress()) {
      const XLogRecPtr received = GetWalRcvFlushRecPtr(nullptr, nullptr), replayed = GetXLogReplayRecPtr(nullptr);
      if (received > replayed) {
        result.bytes = static_cast<std::int64_t>(received - replayed);
        result.seconds = (GetCurrentTimestamp() - GetLatestXTime()) / USECS_PER_SEC;
      }
      return result;
    }
    const XLogRecPtr here = GetFlushRecPtr(nullptr);
    for (int i = 0; i < max_wal_senders; ++i) {
      WalSnd* sender = &WalSndCtl->walsnds[i];
      SpinLockAcquire(&sender->mutex);
      const bool streams = sender->pid != 0 && sender->state != WALSNDSTATE_BACKUP;
      const XLogRecPtr applied = sender->apply;
      const TimeOffset lag = sender->applyLag;
      SpinLockRelease(&sender->mutex);
      if (!streams) continue;
      ++result.standbys;
      if (here > applied) result.bytes = std::max(result.bytes, static_cast<std::int64_t>(here - applied));
      result.seconds = std::max<std::int64_t>(result.seconds, lag / USECS_PER_SEC);
    }
    return result;
  });
}

}  // namespace factory::pg
