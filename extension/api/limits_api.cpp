// Rate limits as apps and operators use them.
#include "api/account_lock.hpp"
#include "api/address_digest.hpp"
#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/declarations.hpp"
#include "api/fields.hpp"
#include "api/rate_policies.hpp"
#include "core/email.hpp"
#include "core/json_writer.hpp"

namespace factory::api {

using core::PolicySource;
using core::Problem;
using core::RatePolicy;
using core::Strategy;
using core::Uuid;
using pg::Value;

namespace {

constexpr std::size_t longest_key = 1024;
constexpr const char* rate_rule =
    "it must be at most 366 days, give the burst back within 400 days, and allow at most a million a second";

// Keys of a workspace are its own; those of calls outside of workspaces are the app's.
limiter::Key app_key(std::string_view name) {
  const core::Uuid* tenant = context::visible_tenant();
  std::string whole(tenant == nullptr ? "a" : "t");
  if (tenant != nullptr) whole.append(reinterpret_cast<const char*>(tenant->data()), tenant->size());
  whole += name;
  return limiter::key_of(whole);
}

std::int64_t number(FunctionCallInfo fcinfo, int index, const char* name, std::int64_t least, Fields& fields) {
  const std::optional<std::int32_t> value = pg::optional_integer(fcinfo, index);
  if (!value) throw Problem("validation_failed", {}, {{std::string("#/") + name, "required", "a value is required"}});
  if (*value < least) fields.complain(name, "out_of_range", "it must be at least " + std::to_string(least));
  return *value;
}

// class, strategy, burst, count and period as the first arguments; complains of what is wrong with each.
RatePolicy policy_argument(FunctionCallInfo fcinfo, Fields& fields) {
  RatePolicy policy;
  policy.operation_class = policy.name = pg::text_argument(fcinfo, 0, "class");
  if (!core::valid_rate_class(policy.operation_class))
    fields.complain("class", "invalid_value", "it must be 1 to 40 of a-z, 0-9 and _, beginning with a letter");
  const std::optional<Strategy> strategy = core::find_strategy(pg::text_argument(fcinfo, 1, "strategy"));
  if (!strategy)
    fields.complain("strategy", "invalid_value", "it must be ip, tenant, tenant_user, api_key, token or account");
  policy.strategy = strategy.value_or(Strategy::ip);
  policy.burst = number(fcinfo, 2, "burst", 1, fields);
  policy.count = number(fcinfo, 3, "count", 1, fields);
  policy.period = number(fcinfo, 4, "period", 1, fields);
  fields.check();
  if (!policy.rate()) fields.complain("period", "out_of_range", rate_rule);
  if (policy.strategy == Strategy::account && policy.burst > core::WindowCount::most)
    fields.complain("burst", "out_of_range", "at most 1048575 failures can be counted");
  if (policy.strategy == Strategy::account && (policy.operation_class != "login" || policy.burst != policy.count))
    fields.complain("strategy", "invalid_value", "account is for class login, with burst and count the same");
  fields.check();
  return policy;
}

std::string numbers_of(const RatePolicy& policy) {
  std::string json;
  core::JsonWriter(json)
      .begin_object()
      .member("burst", policy.burst)
      .member("count", policy.count)
      .member("period", policy.period)
      .member("enabled", policy.enabled)
      .end_object();
  return json;
}

void record(const std::string& action, const RatePolicy& policy, const std::optional<Uuid>& tenant) {
  audit::Event event;
  event.action = action;
  event.tenant = tenant;
  event.target_type = "rate_policy";
  event.target_id = policy.operation_class + "/" + std::string(core::strategy_name(policy.strategy)) +
                    (policy.plan ? "/" + *policy.plan : std::string());
  if (action == "rate_policy.changed") event.after = numbers_of(policy);
  audit::record(event);
}

void write_for_tenant(const RatePolicy& policy, const Uuid& tenant, const char* set_by) {
  static pg::Statement statement(
      "INSERT INTO factory.tenant_rate_policies AS p (tenant_id, class, strategy, set_by, burst, count, period, "
      "enabled)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
      " ON CONFLICT (tenant_id, class, strategy, set_by) DO UPDATE SET burst = excluded.burst, count = excluded.count,"
      " period = excluded.period, enabled = excluded.enabled WHERE p.tenant_id = $1");
  const context::TenantScope scope(tenant);
  statement.run({Value::uuid(tenant), Value::text(policy.operation_class),
                 Value::text(core::strategy_name(policy.strategy)), Value::text(std::string_view(set_by)),
                 Value::integer(static_cast<std::int32_t>(policy.burst)),
                 Value::integer(static_cast<std::int32_t>(policy.count)),
                 Value::integer(static_cast<std::int32_t>(policy.period)), Value::boolean(policy.enabled)});
}

void write_for_platform(const RatePolicy& policy) {
  static pg::Statement statement(
      "INSERT INTO factory.rate_policies (name, class, strategy, plan, burst, count, period, enabled)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
      " ON CONFLICT (class, strategy, plan, shipped) DO UPDATE SET name = excluded.name, burst = excluded.burst,"
      " count = excluded.count, period = excluded.period, enabled = excluded.enabled");
  const std::string plan = policy.plan.value_or("");
  statement.run({Value::text(policy.name), Value::text(policy.operation_class),
                 Value::text(core::strategy_name(policy.strategy)), Value::text(plan),
                 Value::integer(static_cast<std::int32_t>(policy.burst)),
                 Value::integer(static_cast<std::int32_t>(policy.count)),
                 Value::integer(static_cast<std::int32_t>(policy.period)), Value::boolean(policy.enabled)});
}

// Every session keeps the policies of all workspaces, so a workspace makes none for classes that are not there.
bool is_in_use(const std::string& operation_class) {
  const std::vector<const Declaration*> declared = declarations::all();
  return rate_policies::names(operation_class) ||
         std::any_of(declared.begin(), declared.end(), [&operation_class](const Declaration* declaration) {
           return declaration->rate_class == operation_class;
         });
}

void check_tenant(const Uuid& tenant) {
  static pg::Statement statement("SELECT 1 FROM factory.tenant_records WHERE id = $1");
  if (statement.run({Value::uuid(tenant)}).empty()) throw Problem("tenant_not_found");
}

void check_plan(const std::string& plan) {
  static pg::Statement statement("SELECT 1 FROM factory.plan_records WHERE id = $1 FOR KEY SHARE");
  if (statement.run({Value::text(plan)}).empty()) throw Problem("not_found", "there is no such plan");
}

std::vector<Value> row_of(const RatePolicy& policy) {
  return {Value::text(policy.name),
          Value::text(policy.operation_class),
          Value::text(core::strategy_name(policy.strategy)),
          Value::integer(static_cast<std::int32_t>(policy.burst)),
          Value::integer(static_cast<std::int32_t>(policy.count)),
          Value::integer(static_cast<std::int32_t>(policy.period)),
          Value::text(core::source_name(policy.source))};
}

}  // namespace

FACTORY_FUNCTION(factory_throttle) {
  const std::string name = pg::text_argument(fcinfo, 0, "key");
  Fields fields;
  if (name.empty() || name.size() > longest_key)
    fields.complain("key", "invalid_value", "it must have 1 to 1024 bytes");
  const std::int64_t burst = number(fcinfo, 1, "burst", 1, fields);
  const std::int64_t count = number(fcinfo, 2, "count", 1, fields);
  const std::int64_t period = number(fcinfo, 3, "period", 1, fields);
  const std::int64_t cost = number(fcinfo, 4, "cost", 0, fields);
  if (cost > burst) fields.complain("cost", "out_of_range", "it must be at most burst, or no call would ever pass");
  fields.check();
  const std::optional<core::Rate> rate = core::Rate::of(burst, count, period);
  if (!rate) fields.complain("period", "out_of_range", rate_rule);
  fields.check();
  const core::GcraDecision decision = limiter::take(limiter::Space::app, app_key(name), *rate, cost);
  const auto seconds = [](std::int64_t time) {
    return Value::integer(static_cast<std::int32_t>(core::seconds_up(time)));
  };
  return pg::row_result(fcinfo, {Value::boolean(decision.limited), Value::integer(static_cast<std::int32_t>(burst)),
                                 Value::integer(static_cast<std::int32_t>(decision.remaining)),
                                 seconds(decision.retry_after), seconds(decision.reset_after)});
}

FACTORY_FUNCTION(factory_list_rate_policies) {
  std::vector<RatePolicy> policies = rate_policies::all(context::current()->tenant);
  std::vector<std::vector<Value>> rows;
  for (const RatePolicy& policy : policies) rows.push_back(row_of(policy));
  return pg::rows_result(fcinfo, rows);
}

FACTORY_FUNCTION(factory_set_rate_policy) {
  const Uuid tenant = context::current()->tenant;
  Fields fields;
  RatePolicy policy = policy_argument(fcinfo, fields);
  policy.source = PolicySource::workspace;
  policy.enabled = pg::boolean_argument(fcinfo, 5, "enabled");
  // Nobody is in a workspace yet, or could not take the limit back.
  static const std::set<std::string, std::less<>> out_of_reach = {"login", "register", "refresh", "public", "limits"};
  if (policy.strategy == Strategy::account || out_of_reach.contains(policy.operation_class))
    fields.complain("class", "invalid_value", "a workspace cannot limit calls of this class");
  else if (!is_in_use(policy.operation_class))
    fields.complain("class", "invalid_value", "no call is of this class");
  const std::optional<RatePolicy> ceiling = rate_policies::ceiling(policy.operation_class, policy.strategy, tenant);
  if (ceiling && policy.looser_than(*ceiling))
    fields.complain("burst", "out_of_range",
                    "at most " + std::to_string(ceiling->burst) + " at once and " + std::to_string(ceiling->count) +
                        " in " + std::to_string(ceiling->period) + " s are allowed here");
  fields.check();
  if (ceiling) policy.name = ceiling->name;
  const pg::Connection connection;
  write_for_tenant(policy, tenant, "workspace");
  record("rate_policy.changed", policy, tenant);
  const std::optional<RatePolicy> in_force = policy.enabled ? policy : ceiling;
  if (!in_force) throw Problem("not_found", "nothing limits these calls now");
  return pg::row_result(fcinfo, row_of(*in_force));
}

FACTORY_FUNCTION(factory_set_platform_rate_policy) {
  Fields fields;
  RatePolicy policy = policy_argument(fcinfo, fields);
  const std::optional<Uuid> tenant = pg::optional_uuid(fcinfo, 5);
  policy.plan = pg::optional_text(fcinfo, 6);
  policy.enabled = pg::boolean_argument(fcinfo, 7, "enabled");
  policy.name = pg::optional_text(fcinfo, 8).value_or(policy.operation_class);
  if (policy.plan && policy.plan->empty()) fields.complain("plan", "invalid_value", "it must not be empty");
  if (tenant && policy.plan) fields.complain("plan", "invalid_value", "give a workspace or a plan, not both");
  if (tenant && policy.strategy == Strategy::account)
    fields.complain("strategy", "invalid_value", "an account belongs to no workspace");
  if (!core::valid_rate_class(policy.name))
    fields.complain("name", "invalid_value", "it must be 1 to 40 of a-z, 0-9 and _, beginning with a letter");
  fields.check();
  const pg::Connection connection;
  if (tenant) {
    check_tenant(*tenant);
    write_for_tenant(policy, *tenant, "operator");
  } else {
    if (policy.plan) check_plan(*policy.plan);
    write_for_platform(policy);
  }
  record("rate_policy.changed", policy, tenant);
  return Datum(0);
}

FACTORY_FUNCTION(factory_drop_platform_rate_policy) {
  RatePolicy policy;
  policy.operation_class = pg::text_argument(fcinfo, 0, "class");
  const std::string strategy = pg::text_argument(fcinfo, 1, "strategy");
  const std::optional<Uuid> tenant = pg::optional_uuid(fcinfo, 2);
  policy.plan = pg::optional_text(fcinfo, 3);
  const pg::Connection connection;
  std::optional<context::TenantScope> scope;
  if (tenant) scope.emplace(*tenant);
  static pg::Statement of_tenant(
      "DELETE FROM factory.tenant_rate_policies WHERE tenant_id = $1 AND class = $2 AND strategy = $3 AND set_by = "
      "'operator' RETURNING class");
  static pg::Statement of_platform(
      "DELETE FROM factory.rate_policies WHERE class = $1 AND strategy = $2 AND plan = $3 AND NOT "
      "shipped RETURNING class");
  const std::string plan = policy.plan.value_or("");
  const pg::Rows gone =
      tenant ? of_tenant.run({Value::uuid(*tenant), Value::text(policy.operation_class), Value::text(strategy)})
             : of_platform.run({Value::text(policy.operation_class), Value::text(strategy), Value::text(plan)});
  if (gone.empty()) throw Problem("not_found", "no operator has set such a policy");
  policy.strategy = *core::find_strategy(strategy);
  record("rate_policy.dropped", policy, tenant);
  return Datum(0);
}

FACTORY_FUNCTION(factory_unlock_account) {
  const std::string address = pg::text_argument(fcinfo, 0, "email");
  const std::string subject = address_digest(core::normalize_email(address).value_or(address));
  const pg::Connection connection;
  const bool locked = unlock_account(subject);
  audit::Event event;
  event.action = "account.unlocked";
  event.target_type = "address";
  event.target_id = subject;
  audit::record(event);
  return BoolGetDatum(locked);
}

// Statement trigger of the tables of policies.
FACTORY_FUNCTION(factory_forget_policies) {
  if (!CALLED_AS_TRIGGER(fcinfo)) throw Problem("not_in_this_context", "this is a trigger function");
  rate_policies::forget_everywhere();
  return Datum(0);
}

}  // namespace factory::api
