#include "api/declarations.hpp"

#include "api/context.hpp"
#include "core/path_template.hpp"

extern "C" {
#include "access/genam.h"
#include "catalog/pg_type.h"
#include "utils/catcache.h"
#include "utils/regproc.h"
#include "utils/varlena.h"
}

namespace factory::api {

namespace {

struct Generation {
  std::unordered_map<Oid, std::unique_ptr<Declaration>> by_function;
  core::Router<const Declaration*> router;
  ~Generation() {
    for (auto& [oid, declaration] : by_function)
      for (auto& [given, statement] : declaration->statements) statement->forget();
  }
};

// Never destroyed: at process exit the server's memory is gone before static destructors would run.
std::shared_ptr<Generation>& current_generation() {
  static auto* instance = new std::shared_ptr<Generation>();
  return *instance;
}

std::uint64_t epoch = 1;
std::uint64_t loaded_epoch = 0;
bool loading = false;
Oid routes_table = InvalidOid;
Oid keys_table = InvalidOid;

// Sent by the statement triggers of the tables whose rows are cached (factory.forget_cached()) and by their DDL.
void relation_invalidated(Datum, Oid relation) {
  if (relation == InvalidOid || relation == routes_table || relation == keys_table) ++epoch;
}

// The extension may have come, gone or been made anew.
void namespace_changed(Datum, int, uint32) {
  routes_table = keys_table = InvalidOid;
  ++epoch;
}

// A function may have been dropped, made anew or redefined.
void function_changed(Datum, int, uint32) { ++epoch; }

enum Raw {
  function,
  method,
  path,
  scope,
  requires_,
  reply,
  page_key,
  audit_action,
  rate_class,
  summary,
  schemas,
  raw_count
};

struct RawRow {
  char* text[raw_count];
  bool etag, shipped;
  int status;
  Datum problems, nullable;
};

std::string or_empty(const char* text) { return text == nullptr ? std::string() : std::string(text); }

Requires parse_requires(const std::string& text, core::Capability* capability) {
  if (text == "anyone") return Requires::anyone;
  if (text == "user") return Requires::user;
  if (text == "operator") return Requires::operator_role;
  const std::optional<core::Capability> found = core::find_capability(text);
  if (!found) throw core::Problem("internal", "unknown capability in factory.routes: " + text);
  *capability = *found;
  return Requires::capability;
}

Reply parse_reply(const std::string& text) {
  if (text == "none") return Reply::none;
  if (text == "list") return Reply::list;
  if (text == "array") return Reply::array;
  if (text == "document") return Reply::document;
  return Reply::object;
}

// Oid of "factory.f(integer,uuid)", or InvalidOid. The signature is compared with those of the functions of its name: to
// read the types out of it would raise where one is gone or renamed, and with it stop every call of the platform.
Oid resolve(const std::string& signature) {
  const pg::PinnedPath pinned;
  return pg::call([&signature] {
    char* name = pstrdup(signature.c_str());
    char* end = name;
    for (bool quoted = false; *end != '\0' && (quoted || *end != '('); ++end)
      if (*end == '"') quoted = !quoted;
    *end = '\0';
    List* parts;
    if (!SplitIdentifierString(name, '.', &parts) || list_length(parts) != 2) return InvalidOid;
    const Oid schema = get_namespace_oid(static_cast<const char*>(linitial(parts)), true);
    CatCList* candidates =
        SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(static_cast<const char*>(lsecond(parts))));
    Oid found = InvalidOid;
    for (int i = 0; i < candidates->n_members; ++i) {
      const auto* row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(&candidates->members[i]->tuple));
      if (row->pronamespace == schema &&
          (signature == format_procedure(row->oid) || signature == format_procedure_qualified(row->oid)))
        found = row->oid;
    }
    ReleaseSysCacheList(candidates);
    return found;
  });
}

void describe_function(Declaration& declaration) {
  struct Shape {
    int count;
    Oid* types;
    char** names;
    char* modes;
    int defaults, inputs;
    bool returns_set;
    char *schema_name, *function_name;
    TupleDesc result;
    Oid scalar;
  };
  const Oid oid = declaration.function;
  const Shape shape = pg::call([oid] {
    Shape found{};
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(oid));
    if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for function %u", oid);
    auto* row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    found.count = get_func_arg_info(tuple, &found.types, &found.names, &found.modes);
    found.defaults = row->pronargdefaults;
    found.inputs = row->pronargs;
    found.returns_set = row->proretset;
    found.function_name = pstrdup(NameStr(row->proname));
    found.schema_name = get_namespace_name(row->pronamespace);
    Oid type;
    const TypeFuncClass kind = get_func_result_type(oid, &type, &found.result);
    if (kind != TYPEFUNC_COMPOSITE && kind != TYPEFUNC_COMPOSITE_DOMAIN) found.result = nullptr;
    found.scalar = type;
    ReleaseSysCache(tuple);
    return found;
  });
  declaration.name =
      std::string(pg::call([&] { return quote_qualified_identifier(shape.schema_name, shape.function_name); }));
  declaration.returns_set = shape.returns_set;
  int input = 0;
  for (int i = 0; i < shape.count; ++i) {
    const char mode = shape.modes == nullptr ? static_cast<char>(PROARGMODE_IN) : shape.modes[i];
    if (mode != PROARGMODE_IN && mode != PROARGMODE_INOUT && mode != PROARGMODE_VARIADIC) continue;
    declaration.arguments.push_back({shape.names == nullptr ? std::string() : or_empty(shape.names[i]), shape.types[i],
                                     input >= shape.inputs - shape.defaults});
    ++input;
  }
  if (shape.result == nullptr) {
    declaration.columns.push_back({"", shape.scalar});
  } else {
    for (int i = 0; i < shape.result->natts; ++i) {
      const FormData_pg_attribute* attribute = TupleDescAttr(shape.result, i);
      if (!attribute->attisdropped) declaration.columns.push_back({NameStr(attribute->attname), attribute->atttypid});
    }
  }
}

std::vector<RawRow> read_rows(Oid table) {
  std::vector<RawRow> rows;
  pg::call([table, &rows] {
    Relation relation = table_open(table, AccessShareLock);
    const TupleDesc descriptor = RelationGetDescr(relation);
    static const char* const names[raw_count] = {"function",   "method",  "path",     "scope",
                                                 "requires",   "reply",   "page_key", "audit_action",
                                                 "rate_class", "summary", "schemas"};
    AttrNumber numbers[raw_count];
    for (int i = 0; i < raw_count; ++i) numbers[i] = get_attnum(table, names[i]);
    const AttrNumber etag = get_attnum(table, "etag"), shipped = get_attnum(table, "shipped"),
                     status = get_attnum(table, "status"), problems = get_attnum(table, "problems"),
                     nullable = get_attnum(table, "nullable");
    SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, nullptr, 0, nullptr);
    HeapTuple tuple;
    while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
      // A column that is not there yet, as after a new library and before ALTER EXTENSION UPDATE, holds nothing.
      bool null;
      const auto value_of = [&](AttrNumber number) {
        null = number <= 0;
        return null ? Datum(0) : heap_getattr(tuple, number, descriptor, &null);
      };
      const auto array_of = [&](AttrNumber number) {
        const Datum value = value_of(number);
        return PointerGetDatum(null ? construct_empty_array(TEXTOID) : DatumGetArrayTypePCopy(value));
      };
      RawRow row{};
      for (int i = 0; i < raw_count; ++i) {
        const Datum value = value_of(numbers[i]);
        row.text[i] = null ? nullptr : TextDatumGetCString(value);
      }
      row.etag = DatumGetBool(value_of(etag));
      row.shipped = DatumGetBool(value_of(shipped));
      const int answer = DatumGetInt32(value_of(status));
      row.status = null ? Declaration{}.status : answer;
      row.problems = array_of(problems);
      row.nullable = array_of(nullable);
      rows.push_back(row);
    }
    systable_endscan(scan);
    table_close(relation, AccessShareLock);
  });
  return rows;
}

std::vector<std::string> text_array(Datum array) {
  struct Elements {
    Datum* values;
    int count;
  };
  const Elements elements = pg::call([array] {
    Elements found{};
    bool* nulls;
    deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &found.values, &nulls, &found.count);
    return found;
  });
  std::vector<std::string> result;
  for (int i = 0; i < elements.count; ++i) result.push_back(pg::to_text(elements.values[i]));
  return result;
}

std::shared_ptr<Generation> load() {
  auto generation = std::make_shared<Generation>();
  if (!OidIsValid(routes_table)) {
    keys_table = platform_relation("signing_keys");
    routes_table = platform_relation("routes");
  }
  if (!OidIsValid(routes_table)) return generation;
  // Rows and names made on the way are garbage afterwards.
  const MemoryContext scratch = pg::call(
      [] { return AllocSetContextCreate(CurrentMemoryContext, "factory declarations", ALLOCSET_DEFAULT_SIZES); });
  const MemoryContext before = MemoryContextSwitchTo(scratch);
  for (const RawRow& row : read_rows(routes_table)) {
    auto declaration = std::make_unique<Declaration>();
    declaration->signature = or_empty(row.text[function]);
    declaration->function = resolve(declaration->signature);
    if (!OidIsValid(declaration->function)) continue;  // dropped by its owner; factory.lint() reports it
    declaration->method = or_empty(row.text[method]);
    declaration->path = or_empty(row.text[path]);
    declaration->scope = or_empty(row.text[scope]);
    declaration->requires_text = or_empty(row.text[requires_]);
    declaration->requires_what = parse_requires(declaration->requires_text, &declaration->capability);
    declaration->reply = parse_reply(or_empty(row.text[reply]));
    declaration->page_key = or_empty(row.text[page_key]);
    declaration->rate_class = or_empty(row.text[rate_class]);
    declaration->summary = or_empty(row.text[summary]);
    if (row.text[audit_action] != nullptr) declaration->audit_action = row.text[audit_action];
    declaration->etag = row.etag;
    declaration->shipped = row.shipped;
    declaration->status = row.status;
    declaration->problems = text_array(row.problems);
    declaration->nullable = text_array(row.nullable);
    if (row.text[schemas] != nullptr) declaration->schemas = row.text[schemas];
    describe_function(*declaration);
    if (!declaration->method.empty())
      if (const std::optional<core::PathTemplate> path = core::PathTemplate::parse(declaration->path))
        generation->router.add(declaration->method, *path, declaration.get());
    const Oid oid = declaration->function;
    generation->by_function.emplace(oid, std::move(declaration));
  }
  MemoryContextSwitchTo(before);
  pg::call([scratch] { MemoryContextDelete(scratch); });
  return generation;
}

Generation& generation() {
  std::shared_ptr<Generation>& current = current_generation();
  while (!current || loaded_epoch != epoch) {
    const pg::Restored<bool> once(loading, true);
    const std::uint64_t target = epoch;
    std::shared_ptr<Generation> fresh = load();
    current = std::move(fresh);
    loaded_epoch = target;
  }
  return *current;
}

}  // namespace

const Argument* Declaration::find_argument(std::string_view name) const {
  for (const Argument& argument : arguments)
    if (argument.name == name) return &argument;
  return nullptr;
}

namespace declarations {

void install() {
  CacheRegisterRelcacheCallback(relation_invalidated, Datum(0));
  CacheRegisterSyscacheCallback(NAMESPACEOID, namespace_changed, Datum(0));
  CacheRegisterSyscacheCallback(PROCOID, function_changed, Datum(0));
}

std::uint64_t cache_epoch() { return epoch; }

const Declaration* find(Oid function) {
  if (loading || !IsTransactionState() || !OidIsValid(MyDatabaseId)) return nullptr;
  const auto& by_function = generation().by_function;
  const auto found = by_function.find(function);
  return found == by_function.end() ? nullptr : found->second.get();
}

std::shared_ptr<const void> pin() { return current_generation(); }

const core::Router<const Declaration*>& router() { return generation().router; }

std::vector<const Declaration*> all() {
  std::vector<const Declaration*> result;
  for (const auto& [oid, declaration] : generation().by_function) result.push_back(declaration.get());
  std::sort(result.begin(), result.end(), [](const Declaration* a, const Declaration* b) {
    return std::tie(a->path, a->method, a->signature) < std::tie(b->path, b->method, b->signature);
  });
  return result;
}

std::string action_of(FunctionCallInfo fcinfo) {
  const Declaration* declaration = find(fcinfo->flinfo->fn_oid);
  if (declaration == nullptr || !declaration->audit_action)
    throw core::Problem("internal", "the running function declares no audited action");
  return *declaration->audit_action;
}

}  // namespace declarations

}  // namespace factory::api
