// Rate limits as apps and operators use them.
#include "api/context.hpp"
#include "api/fields.hpp"
#include "api/limiter.hpp"
#include "pg/datum.hpp"

namespace factory::api {

using core::Problem;
using pg::Value;

namespace {

constexpr std::size_t longest_key = 1024;

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
  if (!rate)
    fields.complain(
        "period", "out_of_range",
        "it must be at most 366 days, give the burst back within 400 days, and allow at most a million a second");
  fields.check();
  const core::GcraDecision decision = limiter::take(limiter::Space::app, app_key(name), *rate, cost);
  const auto seconds = [](std::int64_t time) {
    return Value::integer(static_cast<std::int32_t>(core::seconds_up(time)));
  };
  return pg::row_result(fcinfo, {Value::boolean(decision.limited), Value::integer(static_cast<std::int32_t>(burst)),
                                 Value::integer(static_cast<std::int32_t>(decision.remaining)),
                                 seconds(decision.retry_after), seconds(decision.reset_after)});
}

}  // namespace factory::api
