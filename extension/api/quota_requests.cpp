#include "api/quota_requests.hpp"

#include "api/context.hpp"
#include "api/quota_ledger.hpp"
#include "api/worker.hpp"
#include "core/problem.hpp"
#include "pg/shared_memory.hpp"

namespace factory::api::quota {

using core::Uuid;
using pg::Value;

namespace {

constexpr std::size_t partition_count = 128;
constexpr std::size_t slots_each = 128;
constexpr std::size_t flush_lock = partition_count;

struct Slot {
  Uuid tenant;
  std::int64_t month;     // when it began, in seconds since 1970
  std::int64_t counted;   // since the last flush that committed
  std::int64_t flushing;  // of these, in the hands of the flusher
  bool exhausted;
};

struct Partition {
  std::size_t used;
  std::int64_t missed;
  Slot slots[slots_each];
};

struct Counters {
  int flusher;  // process id of the one session that flushes, or 0
  Partition partitions[partition_count];
};

const pg::shared_memory::Area<Counters> counters("factory_requests", nullptr, partition_count + 1);

class Locked {
 public:
  explicit Locked(std::size_t index) : lock_(counters.lock(index)) { LWLockAcquire(lock_, LW_EXCLUSIVE); }
  ~Locked() { LWLockRelease(lock_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  LWLock* lock_;
};

// The tail of a UUID of version 7 is random.
std::size_t partition_of(const Uuid& tenant) { return tenant[15] % partition_count; }

Slot* find(Partition& partition, const Uuid& tenant, std::int64_t month) {
  for (std::size_t i = 0; i < partition.used; ++i)
    if (partition.slots[i].month == month && partition.slots[i].tenant == tenant) return &partition.slots[i];
  return nullptr;
}

const core::QuotaMetric& requests_metric() { return *core::find_quota_metric("requests_month"); }

std::int64_t this_month() {
  return core::quota_span(core::QuotaPeriod::month, pg::unix_seconds(GetCurrentTimestamp())).begin;
}

// Counts, and says whether the month was exhausted when it was last looked at.
bool count(const Uuid& tenant) {
  const std::int64_t month = this_month();
  const std::size_t index = partition_of(tenant);
  const Locked locked(index);
  Partition& partition = counters->partitions[index];
  Slot* slot = find(partition, tenant, month);
  if (slot == nullptr) {
    if (partition.used == slots_each) {
      ++partition.missed;
      return false;
    }
    slot = &partition.slots[partition.used++];
    *slot = {tenant, month, 0, 0, false};
  }
  ++slot->counted;
  return slot->exhausted;
}

// The flush of this session, until its transaction ends. Only the flusher takes slots away, so indexes hold.
struct Taken {
  std::size_t partition, slot;
  bool exhausted;
};
std::vector<Taken>& taken() {
  static auto* instance = new std::vector<Taken>();
  return *instance;
}
bool flushing = false;
SubTransactionId flushed_in = InvalidSubTransactionId;

void end_flush(bool committed) {
  const std::int64_t month = this_month();
  for (auto each = taken().rbegin(); each != taken().rend(); ++each) {
    const Locked locked(each->partition);
    Partition& partition = counters->partitions[each->partition];
    Slot& slot = partition.slots[each->slot];
    if (committed) {
      slot.counted -= slot.flushing;
      slot.exhausted = each->exhausted && slot.month == month;
    }
    slot.flushing = 0;
    // From the last to the first: the one that moves here was looked at already.
    if (slot.counted == 0 && !slot.exhausted) slot = partition.slots[--partition.used];
  }
  taken().clear();
  flushing = false;
  flushed_in = InvalidSubTransactionId;
  const Locked locked(flush_lock);
  counters->flusher = 0;
}

void transaction_ended(XactEvent event, void*) {
  if (!flushing) return;
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE) end_flush(true);
  if (event == XACT_EVENT_ABORT) end_flush(false);
}

void subtransaction_ended(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void*) {
  if (!flushing || id != flushed_in) return;
  if (event == SUBXACT_EVENT_COMMIT_SUB) flushed_in = parent;
  if (event == SUBXACT_EVENT_ABORT_SUB) end_flush(false);
}

bool begin_flush() {
  static bool registered = false;
  if (!registered) {
    pg::call([] {
      RegisterXactCallback(transaction_ended, nullptr);
      RegisterSubXactCallback(subtransaction_ended, nullptr);
    });
    registered = true;
  }
  const Locked locked(flush_lock);
  if (counters->flusher != 0) return false;
  counters->flusher = MyProcPid;
  flushing = true;
  flushed_in = GetCurrentSubTransactionId();
  return true;
}

// Brings one slot's count to its account; whether the month is exhausted. A workspace that is gone needs none.
bool bring(const Slot& slot) {
  static pg::Statement known("SELECT 1 FROM factory.tenant_records WHERE id = $1");
  if (known.run({Value::uuid(slot.tenant)}).empty()) return false;
  const context::TenantScope scope(slot.tenant);
  return add(slot.tenant, requests_metric(), pg::from_unix_seconds(slot.month), slot.counted);
}

void flush_in_worker() {
  const AsOwner owner;
  flush_requests();
}

const worker::Every flush_duty("flush request counters", 5, flush_in_worker);

}  // namespace

void count_request(const Declaration& declaration, const Uuid& tenant, bool reads) {
  if (!count(tenant) || reads) return;
  if (declaration.requires_what == Requires::capability && declaration.capability == core::Capability::billing_manage)
    return;
  // The plan may have changed since: the account decides.
  const pg::Connection connection;
  static pg::Statement used(
      "SELECT used FROM factory.quota_accounts WHERE tenant_id = $1 AND metric = $2 AND period_start = $3");
  const pg::Rows rows = used.run(
      {Value::uuid(tenant), Value::text(requests_metric().name), Value::timestamp(period_start(requests_metric()))});
  if (!rows.empty()) check_count(tenant, requests_metric(), rows.bigint(0, 1), 1);
}

std::int64_t unflushed_requests(const Uuid& tenant) {
  const std::int64_t month = this_month();
  const std::size_t index = partition_of(tenant);
  const Locked locked(index);
  const Slot* slot = find(counters->partitions[index], tenant, month);
  return slot == nullptr ? 0 : slot->counted;
}

Flushed flush_requests() {
  Flushed flushed;
  if (!begin_flush()) return flushed;
  const pg::Connection connection;
  for (std::size_t index = 0; index < partition_count; ++index) {
    taken().reserve(taken().size() + slots_each);
    const std::size_t first = taken().size();
    std::array<Slot, slots_each> copy;
    std::size_t size;
    {
      const Locked locked(index);
      Partition& partition = counters->partitions[index];
      size = partition.used;
      for (std::size_t i = 0; i < size; ++i) {
        partition.slots[i].flushing = partition.slots[i].counted;
        copy[i] = partition.slots[i];
        taken().push_back({index, i, false});
      }
      flushed.missed += std::exchange(partition.missed, 0);
    }
    for (std::size_t i = 0; i < size; ++i) {
      pg::call([] { CHECK_FOR_INTERRUPTS(); });
      taken()[first + i].exhausted = bring(copy[i]);
      ++flushed.tenants;
      flushed.requests += copy[i].counted;
    }
  }
  return flushed;
}

}  // namespace factory::api::quota
