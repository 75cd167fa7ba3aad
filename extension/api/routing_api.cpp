// Declarations seen from outside: the permission matrix, the catalogue of problems, and an app's own routes.
#include "api/context.hpp"
#include "api/declarations.hpp"
#include "core/path_template.hpp"
#include "core/rate_policy.hpp"

#include "pg/scope.hpp"
#include "pg/version.hpp"

extern "C" {
#include "access/xlog.h"
#include "commands/extension.h"
#include "utils/regproc.h"
}

namespace factory::api {

using core::Problem;
using pg::Value;

namespace {

constexpr std::string_view app_prefix = "/v1/app/";
constexpr std::size_t most_arguments = 32;

// write_route() accepts what route_add() and route_drop() have just decided, and nothing else.
bool decided = false;

struct FunctionFacts {
  Oid owner;
  bool app_may_execute;
  char kind;
  int arguments;
  Oid schema;
  bool path_pinned;  // its own search_path, or a body parsed when it was made
  char* signature;
  int names_count;
  char** names;  // of all arguments, or null
};

bool has_setting(ArrayType* settings, const char* name) {
  Datum* elements;
  bool* nulls;
  int count;
  deconstruct_array(settings, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
  const std::size_t size = std::strlen(name);
  for (int i = 0; i < count; ++i) {
    const char* setting = TextDatumGetCString(elements[i]);
    if (std::strncmp(setting, name, size) == 0 && setting[size] == '=') return true;
  }
  return false;
}

FunctionFacts facts_of(Oid function) {
  const Oid app = app_role();
  return pg::call([function, app] {
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
      ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("there is no such function")));
    const auto* row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    bool no_config, no_body;
    const Datum config = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proconfig, &no_config);
    SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &no_body);
    const bool pinned = !no_body || (!no_config && has_setting(DatumGetArrayTypeP(config), "search_path"));
    Oid* types;
    char **names, *modes;
    const int count = get_func_arg_info(tuple, &types, &names, &modes);
    const FunctionFacts facts{
        row->proowner, pg::may_execute(function, app),       row->prokind, row->pronargs, row->pronamespace,
        pinned,        format_procedure_qualified(function), count,        names};
    ReleaseSysCache(tuple);
    return facts;
  });
}

FunctionFacts own_function(Oid function) {
  const FunctionFacts facts = facts_of(function);
  const Oid caller = GetUserId();
  if (!caller_is_operator()) throw Problem("forbidden", "route_add and route_drop are for factory_operator");
  if (!pg::call([function, caller] { return pg::owns_function(function, caller); }))
    throw Problem("forbidden", "only the owner of a function can make it a call");
  return facts;
}

[[noreturn]] void invalid(const char* argument, const char* detail) {
  throw Problem("validation_failed", detail, {{std::string("#/") + argument, "invalid_value", detail}});
}

void write(std::initializer_list<Value> values) {
  static pg::Statement statement("SELECT factory.write_route($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
  const pg::Restored<bool> window(decided, true);
  const pg::Connection connection;
  statement.run(values);
}

}  // namespace

FACTORY_FUNCTION(factory_permission_matrix) {
  std::vector<std::vector<Value>> rows;
  for (std::size_t i = 0; i < core::kCapabilityCount; ++i) {
    std::vector<Value> row = {Value::text(std::string_view(core::capability_names()[i]))};
    for (const core::Role& role : core::built_in_roles()) row.push_back(Value::boolean(role.capabilities >> i & 1));
    rows.push_back(row);
  }
  return pg::rows_result(fcinfo, rows);
}

FACTORY_FUNCTION(factory_errors) {
  std::vector<std::vector<Value>> rows;
  for (const core::ProblemKind& kind : core::problem_catalogue())
    rows.push_back({Value::text(std::string_view(kind.code)), Value::integer(kind.status),
                    Value::text(std::string_view(kind.sqlstate)), Value::text(std::string_view(kind.title)),
                    Value::text(std::string_view(kind.hint))});
  return pg::rows_result(fcinfo, rows);
}

FACTORY_FUNCTION(factory_route_add) {
  const Oid function = pg::oid_argument(fcinfo, 0, "function");
  const std::string method = pg::text_argument(fcinfo, 1, "method");
  const std::string path = pg::text_argument(fcinfo, 2, "path");
  const std::string summary = pg::text_argument(fcinfo, 3, "summary");
  const std::string requires_text = pg::text_argument(fcinfo, 4, "requires");
  const std::string scope = pg::text_argument(fcinfo, 5, "scope");
  const std::optional<std::int32_t> status = pg::optional_integer(fcinfo, 6);
  const std::optional<std::string> audit_action = pg::optional_text(fcinfo, 7);
  const std::string rate_class = pg::optional_text(fcinfo, 8).value_or(requires_text == "anyone" ? "public" : "api");
  const FunctionFacts facts = own_function(function);

  static const std::set<std::string> methods = {"GET", "POST", "PUT", "PATCH", "DELETE"};
  if (!methods.contains(method)) invalid("method", "it must be GET, POST, PUT, PATCH or DELETE");
  const std::optional<core::PathTemplate> parsed = core::PathTemplate::parse(path);
  if (!parsed || !path.starts_with(app_prefix))
    invalid("path", "it must be a path below /v1/app/, such as /v1/app/bookings/{id}");
  if (scope != "global" && scope != "tenant") invalid("scope", "it must be global or tenant");
  if (requires_text != "anyone" && requires_text != "user" && !core::find_capability(requires_text))
    invalid("requires", "it must be anyone, user or a capability");
  if (scope == "tenant" && requires_text == "anyone")
    invalid("requires", "a call in a workspace asks for user or a capability");
  if (scope == "global" && core::find_capability(requires_text))
    invalid("requires", "a capability is held in a workspace: scope tenant");
  if (!core::valid_rate_class(rate_class))
    invalid("rate_class", "it must be 1 to 40 of a-z, 0-9 and _, beginning with a letter");
  if (status && (*status < 200 || *status > 299)) invalid("status", "it must be from 200 to 299");
  if (facts.kind != PROKIND_FUNCTION)
    invalid("function", "it must be a function, not a procedure, aggregate or window function");
  if (facts.arguments > static_cast<int>(most_arguments)) invalid("function", "it has more than 32 arguments");
  if (!facts.app_may_execute)
    invalid("function", "factory_app may not execute it: GRANT EXECUTE ON FUNCTION ... TO factory_app");
  if (!facts.path_pinned)
    invalid("function",
            "it has no search_path of its own: ALTER FUNCTION ... SET search_path = <its schema>, pg_catalog, pg_temp");
  if (pg::call([&facts] { return facts.schema == get_namespace_oid("factory", false); }))
    invalid("function", "the platform's own functions are declared already");
  for (const auto& segment : parsed->segments()) {
    const auto names_it = [&segment](const char* name) { return name != nullptr && segment.text == name; };
    if (segment.capture &&
        (facts.names == nullptr || std::none_of(facts.names, facts.names + facts.names_count, names_it)))
      invalid("path", "each {name} in it must be an argument of the function");
  }
  const core::Router<const Declaration*>::Match taken = [&] {
    std::vector<std::string> segments;
    for (const auto& segment : parsed->segments()) segments.push_back(segment.capture ? "x" : segment.text);
    return declarations::router().find(method, segments);
  }();
  if (taken.target != nullptr && (*taken.target)->path == path && (*taken.target)->function != function)
    throw Problem("duplicate", "another function answers this call");

  Oid result;
  const bool returns_set = pg::call([function] { return get_func_retset(function); });
  result = pg::call([function] { return get_func_rettype(function); });
  const char* reply = result == VOIDOID ? "none" : returns_set ? "array" : "object";
  const int answer_status = status.value_or(result == VOIDOID ? 204 : 200);
  const std::string owner = pg::call([&facts] { return GetUserNameFromId(facts.owner, false); });
  write({Value::text(std::string_view(facts.signature)), Value::text(method), Value::text(path), Value::text(summary),
         Value::text(requires_text), Value::text(scope), Value::text(std::string_view(reply)),
         Value::integer(answer_status), Value::optional_text(audit_action), Value::text(rate_class),
         Value::text(owner)});
  return Datum(0);
}

FACTORY_FUNCTION(factory_route_drop) {
  const FunctionFacts facts = own_function(pg::oid_argument(fcinfo, 0, "function"));
  const Value nothing = Value::null(TEXTOID);
  write({Value::text(std::string_view(facts.signature)), nothing, nothing, nothing, nothing, nothing, nothing,
         Value::null(INT4OID), nothing, nothing, nothing});
  return Datum(0);
}

FACTORY_FUNCTION(factory_write_route) {
  if (!decided) throw Problem("forbidden", "use factory.route_add() or factory.route_drop()");
  const std::string function = pg::text_argument(fcinfo, 0, "function");
  const pg::Connection connection;
  if (fcinfo->args[1].isnull) {
    static pg::Statement remove("DELETE FROM factory.routes WHERE function = $1 AND NOT shipped RETURNING function");
    if (remove.run({Value::text(function)}).empty()) throw Problem("not_found", "this function is not declared");
    return Datum(0);
  }
  static pg::Statement insert(
      "INSERT INTO factory.routes (function, roles, method, path, scope, requires, reply, status, etag, audit_action, "
      "rate_class,"
      " summary, problems, nullable, schemas, shipped, declared_by)"
      " VALUES ($1, '{}', $2, $3, $6, $5, $7, $8, false, $9, $11, $4, '{}', '{}', '{}', false, $10)"
      " ON CONFLICT (function) DO UPDATE SET method = excluded.method, path = excluded.path, scope = excluded.scope,"
      " requires = excluded.requires, reply = excluded.reply, status = excluded.status, audit_action = "
      "excluded.audit_action, rate_class = excluded.rate_class,"
      " summary = excluded.summary, declared_by = excluded.declared_by WHERE NOT factory.routes.shipped");
  std::vector<std::string> texts;
  for (int i = 0; i < 7; ++i) texts.push_back(pg::text_argument(fcinfo, i, "route"));
  const std::optional<std::string> audit_action = pg::optional_text(fcinfo, 8);
  const std::string rate_class = pg::text_argument(fcinfo, 9, "rate_class");
  const std::string declared_by = pg::text_argument(fcinfo, 10, "declared_by");
  insert.run({Value::text(texts[0]), Value::text(texts[1]), Value::text(texts[2]), Value::text(texts[3]),
              Value::text(texts[4]), Value::text(texts[5]), Value::text(texts[6]),
              Value::integer(*pg::optional_integer(fcinfo, 7)), Value::optional_text(audit_action),
              Value::text(declared_by), Value::text(rate_class)});
  return Datum(0);
}

// Statement trigger of tables whose rows are cached: every backend, this one too, drops what it holds.
FACTORY_FUNCTION(factory_forget_cached) {
  if (!CALLED_AS_TRIGGER(fcinfo)) throw Problem("not_in_this_context", "this is a trigger function");
  const auto* trigger = reinterpret_cast<const TriggerData*>(fcinfo->context);
  pg::call([trigger] {
    CacheInvalidateRelcache(trigger->tg_relation);
    // A plan that has inlined a function holds no call of it that the gate could stop: all are made anew.
    CacheInvalidateCatalog(ProcedureRelationId);
  });
  return Datum(0);
}

}  // namespace factory::api
