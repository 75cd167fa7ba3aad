#include "api/rate_policies.hpp"

#include "api/context.hpp"
#include "pg/keyed_rows.hpp"

namespace factory::api::rate_policies {

using core::PolicySource;
using core::RatePolicy;
using core::Uuid;

namespace {

using ByClass = std::map<std::string, std::vector<RatePolicy>>;
using ByCaller = std::array<ByClass, 2>;
constexpr std::array fallbacks = {"api", "public"};

struct Cache {
  std::vector<RatePolicy> platform;
  std::map<Uuid, std::vector<RatePolicy>> tenants;  // those that have rows of their own
  bool has_plans = false;
  ByCaller everybody;
  std::map<Uuid, ByCaller> resolved;
  std::map<Uuid, std::optional<std::string>> plans;
};

constexpr std::size_t most_tenants_kept = 16384;

std::uint64_t epoch = 1;
std::uint64_t loaded_epoch = 0;
Oid policies_table = InvalidOid;

void relation_invalidated(Datum, Oid relation) {
  if (relation == InvalidOid || relation == policies_table) ++epoch;
}

void namespace_changed(Datum, int, uint32) {
  policies_table = InvalidOid;
  ++epoch;
}

std::string text_if_there(const pg::KeyedRow& row, const char* column) {
  return row.has(column) ? row.text(column) : std::string();
}

// A row of either table; only the platform's have a name, a plan and what was shipped.
RatePolicy policy_of(const pg::KeyedRow& row, PolicySource source) {
  RatePolicy policy;
  policy.operation_class = row.text("class");
  policy.name = text_if_there(row, "name");
  if (policy.name.empty()) policy.name = policy.operation_class;
  policy.strategy = *core::find_strategy(row.text("strategy"));
  policy.source = source;
  if (std::string plan = text_if_there(row, "plan"); !plan.empty()) policy.plan = std::move(plan);
  if (policy.plan) policy.source = PolicySource::plan;
  policy.burst = row.integer("burst");
  policy.count = row.integer("count");
  policy.period = row.integer("period");
  policy.enabled = row.boolean("enabled");
  policy.shipped = row.has("shipped") && row.boolean("shipped");
  return policy;
}

std::unique_ptr<Cache> load() {
  auto cache = std::make_unique<Cache>();
  policies_table = platform_relation("rate_policies");
  if (!OidIsValid(policies_table)) return cache;
  const MemoryContext scratch =
      pg::call([] { return AllocSetContextCreate(CurrentMemoryContext, "factory policies", ALLOCSET_SMALL_SIZES); });
  const MemoryContext before = MemoryContextSwitchTo(scratch);
  for (const pg::KeyedRow& row : pg::all_rows(policies_table)) {
    cache->platform.push_back(policy_of(row, PolicySource::platform));
    cache->has_plans = cache->has_plans || cache->platform.back().plan;
  }
  // Past row security: the cache is of all workspaces.
  for (const pg::KeyedRow& row : pg::all_rows(platform_relation("tenant_rate_policies")))
    cache->tenants[row.uuid("tenant_id")].push_back(
        policy_of(row, row.text("set_by") == "operator" ? PolicySource::operator_ : PolicySource::workspace));
  MemoryContextSwitchTo(before);
  pg::call([scratch] { MemoryContextDelete(scratch); });
  return cache;
}

Cache& cache() {
  // Never destroyed: at process exit the server's memory is gone before static destructors would run.
  static auto* current = new std::unique_ptr<Cache>();
  while (!*current || loaded_epoch != epoch) {
    const std::uint64_t target = epoch;
    *current = load();
    loaded_epoch = target;
  }
  return **current;
}

// The plan of a workspace, where policies speak of plans.
std::optional<std::string> plan_of(Cache& kept, const Uuid& tenant) {
  if (!kept.has_plans) return std::nullopt;
  if (const auto found = kept.plans.find(tenant); found != kept.plans.end()) return found->second;
  static pg::Statement statement("SELECT plan FROM factory.tenant_records WHERE id = $1");
  const AsOwner owner;
  const pg::Connection connection;
  const std::initializer_list<pg::Value> values = {pg::Value::uuid(tenant)};
  const pg::Rows rows = IsParallelWorker() ? statement.run(values, pg::Reads::snapshot) : statement.run_latest(values);
  const std::optional<std::string> plan = rows.empty() ? std::nullopt : rows.optional_text(0, 1);
  if (kept.plans.size() >= most_tenants_kept) kept.plans.clear();
  return kept.plans[tenant] = plan;
}

}  // namespace

void install() {
  CacheRegisterRelcacheCallback(relation_invalidated, Datum(0));
  CacheRegisterSyscacheCallback(NAMESPACEOID, namespace_changed, Datum(0));
}

void forget_everywhere() {
  const Oid table = platform_relation("rate_policies");
  pg::call([table] { CacheInvalidateRelcacheByRelid(table); });
}

const std::vector<RatePolicy>& of(const std::string& operation_class, const std::optional<Uuid>& tenant,
                                  Caller caller) {
  Cache& kept = cache();
  const std::optional<std::string> plan = tenant ? plan_of(kept, *tenant) : std::nullopt;
  const auto own = tenant ? kept.tenants.find(*tenant) : kept.tenants.end();
  const bool as_everybody = own == kept.tenants.end() && !plan;
  if (!as_everybody && kept.resolved.size() >= most_tenants_kept) kept.resolved.clear();
  const auto index = static_cast<std::size_t>(caller);
  ByClass& classes = (as_everybody ? kept.everybody : kept.resolved[*tenant])[index];
  const auto found = classes.find(operation_class);
  if (found != classes.end()) return found->second;
  static const std::vector<RatePolicy> none;
  return classes[operation_class] = core::resolve_policies(
             kept.platform, own == kept.tenants.end() ? none : own->second, plan, operation_class, fallbacks[index]);
}

bool names(const std::string& operation_class) {
  return std::ranges::any_of(cache().platform, [&operation_class](const RatePolicy& policy) {
    return policy.operation_class == operation_class;
  });
}

std::optional<RatePolicy> ceiling(const std::string& operation_class, core::Strategy strategy, const Uuid& tenant) {
  Cache& kept = cache();
  const std::optional<std::string> plan = plan_of(kept, tenant);
  std::vector<RatePolicy> others;
  if (const auto own = kept.tenants.find(tenant); own != kept.tenants.end())
    std::ranges::copy_if(own->second, std::back_inserter(others),
                         [](const RatePolicy& policy) { return policy.source != PolicySource::workspace; });
  for (const RatePolicy& policy : core::resolve_policies(kept.platform, others, plan, operation_class, "api"))
    if (policy.strategy == strategy) return policy;
  return std::nullopt;
}

std::vector<RatePolicy> all(const Uuid& tenant) {
  std::set<std::string> classes;
  for (const RatePolicy& policy : cache().platform) classes.insert(policy.operation_class);
  if (const auto own = cache().tenants.find(tenant); own != cache().tenants.end())
    for (const RatePolicy& policy : own->second) classes.insert(policy.operation_class);
  std::vector<RatePolicy> result;
  for (const std::string& name : classes)
    for (const RatePolicy& policy : of(name, tenant, Caller::signed_in)) result.push_back(policy);
  return result;
}

}  // namespace factory::api::rate_policies
