#include "api/block_log.hpp"

#include "api/context.hpp"
#include "api/limiter.hpp"

#include <bit>

namespace factory::api::block_log {

using pg::Value;

namespace {

constexpr std::int64_t most_in_workspace = 100;  // subjects a minute
constexpr std::int64_t most_on_platform = 1000;
constexpr std::int64_t window = 70'000'000;  // of a counter of one minute, with a margin
constexpr const char* others = "others";

std::int64_t counted(limiter::Counter kind, const std::string& key) {
  std::int64_t result = 0;
  limiter::count(kind, limiter::key_of(key), [&result](core::WindowCount& counter, std::int64_t now) {
    counter.add(now, window);
    result = counter.count();
  });
  return result;
}

void insert(const Entry& entry) {
  const Block& block = entry.block;
  static pg::Statement in_tenant(
      "INSERT INTO factory.rate_blocks AS b (tenant_id, id, minute, policy, strategy, subject, hits, last_at, peer)"
      " VALUES ($8, $1, $2, $3, $4, $5, $6, pg_catalog.clock_timestamp(), $7)"
      " ON CONFLICT (tenant_id, minute, policy, subject) DO UPDATE SET hits = greatest(b.hits, excluded.hits),"
      " last_at = excluded.last_at, peer = excluded.peer WHERE b.tenant_id = $8");
  static pg::Statement on_platform(
      "INSERT INTO factory.platform_rate_blocks AS b (id, minute, policy, strategy, subject, hits, last_at, peer)"
      " VALUES ($1, $2, $3, $4, $5, $6, pg_catalog.clock_timestamp(), $7)"
      " ON CONFLICT (minute, policy, subject) DO UPDATE SET hits = greatest(b.hits, excluded.hits),"
      " last_at = excluded.last_at, peer = excluded.peer");
  const std::array<Value, 8> values = {Value::uuid(core::uuid7()),
                                       Value::timestamp(entry.minute),
                                       Value::text(block.policy),
                                       Value::text(block.strategy),
                                       Value::text(block.subject),
                                       Value::bigint(entry.hits),
                                       block.peer ? Value::input(INETOID, *block.peer) : Value::null(INETOID),
                                       Value::optional_uuid(block.tenant)};
  if (block.tenant)
    in_tenant.run(values);
  else
    on_platform.run(std::span(values).first(7));
}

// Rows older than 30 days leave as new ones come.
void forget_old(const Block& block) {
  static pg::Statement in_tenant(
      "DELETE FROM factory.rate_blocks WHERE tenant_id = $1 AND id IN (SELECT o.id FROM factory.rate_blocks o WHERE "
      "o.tenant_id = $1 AND o.minute < pg_catalog.now() - interval '30 days' ORDER BY o.minute LIMIT 10 FOR UPDATE "
      "SKIP "
      "LOCKED)");
  static pg::Statement on_platform(
      "DELETE FROM factory.platform_rate_blocks WHERE id IN (SELECT o.id FROM factory.platform_rate_blocks o WHERE "
      "o.minute < pg_catalog.now() - interval '30 days' ORDER BY o.minute LIMIT 10 FOR UPDATE SKIP LOCKED)");
  if (block.tenant)
    in_tenant.run({Value::uuid(*block.tenant)});
  else
    on_platform.run({});
}

}  // namespace

std::optional<Entry> count(Block block) {
  const TimestampTz minute = GetCurrentTimestamp() / USECS_PER_MINUTE * USECS_PER_MINUTE;
  std::string whose = std::to_string(minute);
  if (block.tenant) whose.append(reinterpret_cast<const char*>(block.tenant->data()), block.tenant->size());
  const auto hits_of = [&] {
    return counted(limiter::Counter::block_hits, whose + block.policy + '\0' + block.subject);
  };
  const auto is_due = [](std::int64_t hits) { return std::has_single_bit(static_cast<std::uint64_t>(hits)); };
  std::int64_t hits = hits_of();
  // Every subject takes one place of its minute at its first refusal; once all are taken, the rest share a row.
  const std::int64_t most = block.tenant ? most_in_workspace : most_on_platform;
  bool late = false;
  limiter::count(limiter::Counter::block_rows, limiter::key_of(whose),
                 [&](core::WindowCount& counter, std::int64_t now) {
                   late = counter.count() >= most;
                   if (hits == 1) counter.add(now, window);
                 });
  if (!is_due(hits)) return std::nullopt;
  if (late) {
    block.subject = others;
    hits = hits_of();
    if (!is_due(hits)) return std::nullopt;
  }
  return Entry{std::move(block), minute, hits};
}

void write(const Entry& entry) {
  const AsOwner owner;
  const pg::Connection connection;
  std::optional<context::TenantScope> scope;
  if (entry.block.tenant) scope.emplace(*entry.block.tenant);
  insert(entry);
  if (entry.hits == 1) forget_old(entry.block);
}

}  // namespace factory::api::block_log
