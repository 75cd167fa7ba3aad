// factory.protect(): an app's table becomes a tenant table. Each statement on it runs as the table's owner in a
// security-restricted operation: what the app hung on its table never runs with the rights of whoever protects it.
#include "api/audit_log.hpp"
#include "api/capability_gate.hpp"
#include "api/context.hpp"
#include "api/statement_rules.hpp"
#include "api/table_registry.hpp"
#include "core/json_writer.hpp"
#include "core/problem.hpp"
#include "core/utf8.hpp"
#include "pg/spi.hpp"
#include "pg/version.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "storage/lmgr.h"
#include "utils/rls.h"
}

namespace factory::api {

using core::Problem;
using core::Uuid;
using pg::Value;

namespace {

// register_protection() accepts what protect() and unprotect() are doing, and nothing else.
bool protecting = false;

struct TableFacts {
  Oid owner;
  char kind;
  bool is_partition;
  const char *schema, *name, *qualified;
  AttrNumber tenant_column;
  Oid tenant_type;
  bool tenant_not_null, tenant_generated;
};

TableFacts facts_of(Oid table) {
  return pg::call([table] {
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
    if (!HeapTupleIsValid(tuple)) ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("there is no such table")));
    const auto* row = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    TableFacts facts{};
    facts.owner = row->relowner;
    facts.kind = row->relkind;
    facts.is_partition = row->relispartition;
    facts.schema = get_namespace_name(row->relnamespace);
    facts.name = pstrdup(NameStr(row->relname));
    facts.qualified = quote_qualified_identifier(facts.schema, facts.name);
    ReleaseSysCache(tuple);
    facts.tenant_column = get_attnum(table, "tenant_id");
    if (facts.tenant_column > 0) {
      HeapTuple column = SearchSysCache2(ATTNUM, ObjectIdGetDatum(table), Int16GetDatum(facts.tenant_column));
      const auto* attribute = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(column));
      facts.tenant_type = attribute->atttypid;
      facts.tenant_not_null = attribute->attnotnull;
      facts.tenant_generated = attribute->attgenerated != '\0' || attribute->attidentity != '\0';
      ReleaseSysCache(column);
    }
    return facts;
  });
}

void execute(const std::string& sql) {
  const char* text = sql.c_str();
  pg::call([text] {
    if (SPI_execute(text, false, 0) < 0) elog(ERROR, "SPI_execute failed: %s", text);
  });
}

std::string identifier(const std::string& name) {
  return pg::call([&name] { return quote_identifier(name.c_str()); });
}

std::string literal(const std::string& text) {
  return pg::call([&text] { return quote_literal_cstr(text.c_str()); });
}

[[noreturn]] void invalid(const char* argument, const std::string& detail) {
  throw Problem("validation_failed", detail, {{std::string("#/") + argument, "invalid_value", detail}});
}

void check_capability(const char* argument, const std::string& name) {
  if (!core::find_capability(name))
    invalid(argument, "there is no capability " + core::clipped(name) + "; see factory.permission_matrix()");
}

void check_caller(Oid table, const TableFacts& facts) {
  const Oid caller = GetUserId();
  if (!caller_is_operator()) throw Problem("forbidden", "protect and unprotect are for factory_operator");
  if (!pg::call([table, caller] { return pg::owns_table(table, caller); }))
    throw Problem("forbidden", "only the owner of a table can protect it");
  if (std::strcmp(facts.schema, "factory") == 0 || std::strncmp(facts.schema, "pg_", 3) == 0)
    invalid("table", "it is not a table of an app");
}

// A parent shows the rows of its children without asking their policies, and triggers are not inherited.
bool inherits_or_is_inherited(Oid table, const TableFacts& facts) {
  if (facts.kind == RELKIND_PARTITIONED_TABLE) return false;
  const bool found =
      !pg::run_once("SELECT 1 FROM pg_catalog.pg_inherits WHERE inhrelid = $1 OR inhparent = $1", {Value::oid(table)})
           .empty();
  return found;
}

void check_shape(Oid table, const TableFacts& facts) {
  if (facts.kind != RELKIND_RELATION && facts.kind != RELKIND_PARTITIONED_TABLE)
    invalid("table", "only tables can be protected");
  if (facts.is_partition) invalid("table", "protect the partitioned table, not one of its partitions");
  if (inherits_or_is_inherited(table, facts))
    invalid("table", "a table with inheritance cannot be protected; use partitions");
  if (facts.tenant_column > 0 && (facts.tenant_type != UUIDOID || facts.tenant_generated))
    invalid("table", "its column tenant_id must be a plain uuid");
  const Oid owner = facts.owner, app = app_role();
  if (pg::call([owner, app] { return is_member_of_role_nosuper(owner, app); }))
    invalid("table", "its owner is a member of factory_app: a runtime login must own nothing; ALTER TABLE " +
                         std::string(facts.qualified) + " OWNER TO the role of your migrations");
}

// A unique key across workspaces tells one workspace what another one holds.
void check_unique_keys(Oid table, const TableFacts& facts, const std::optional<Uuid>& tenant) {
  const std::optional<std::string> keys =
      pg::run_once(
          "WITH RECURSIVE tree(relation) AS ("
          "SELECT $1::oid UNION SELECT i.inhrelid FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = "
          "t.relation)"
          " SELECT string_agg(k.fix, ' ' ORDER BY k.index) FROM tree t CROSS JOIN LATERAL "
          "factory.tenant_unique_keys(t.relation, $2) k",
          {Value::oid(table), Value::optional_uuid(tenant)})
          .optional_text(0, 1);
  if (!keys) return;
  std::string fix;
  if (facts.tenant_column <= 0)
    fix = "ALTER TABLE " + std::string(facts.qualified) + " ADD COLUMN tenant_id uuid NOT NULL" +
          (tenant ? " DEFAULT " + literal(core::format_uuid(*tenant)) : std::string()) + "; ";
  fix += *keys;
  throw Problem("validation_failed", "a unique key of the table ignores the workspace; first run: " + fix)
      .with("fix", core::json_string(fix));
}

class Protection {
 public:
  Protection(Oid table, const TableFacts& facts, std::string read, std::string write)
      : table_(table), facts_(facts), name_(facts.qualified), read_(std::move(read)), write_(std::move(write)) {}

  // Rows that are there need a workspace before anything else can be asked of the table.
  void check_rows(const std::optional<Uuid>& tenant) {
    as_owner([&] {
      if (facts_.tenant_column <= 0 && !tenant && has_rows(""))
        invalid("existing_rows_tenant", "the table has rows: say which workspace they belong to");
      if (facts_.tenant_column > 0 && !facts_.tenant_not_null && has_rows(" WHERE tenant_id IS NULL"))
        invalid("table", "some of its rows have no tenant_id; first give them one with UPDATE");
    });
  }

  // All of it as the owner of the table: even a foreign key is checked by a query, which makes the planner evaluate what
  // the owner has put into an index of the table.
  void apply(const std::optional<Uuid>& tenant) {
    const bool lent = !owner_is_operator();
    if (lent) lend("GRANT", "TO");
    as_owner([&] {
      add_column(tenant);
      if (!has_foreign_key())
        execute("ALTER TABLE " + name_ + " ADD CONSTRAINT " + identifier(std::string(facts_.name) + "_tenant_fkey") +
                " FOREIGN KEY (tenant_id) REFERENCES factory.tenant_records (id)");
      if (!has_leading_index()) execute("CREATE INDEX ON " + name_ + " (tenant_id)");
      for (const std::string& relation : tree()) {
        secure(relation);
        guard_writes(relation);
      }
      execute("CREATE TRIGGER factory_record_change AFTER INSERT OR UPDATE OR DELETE ON " + name_ +
              " FOR EACH ROW EXECUTE FUNCTION factory.record_change()");
      execute("ALTER TABLE " + name_ + " ENABLE ALWAYS TRIGGER factory_record_change");
    });
    if (lent) lend("REVOKE", "FROM");
  }

  void remove() {
    as_owner([&] {
      execute("DROP TRIGGER IF EXISTS factory_record_change ON " + name_);
      for (const std::string& relation : tree()) release(relation);
    });
  }

 private:
  template <typename Body>
  void as_owner(Body&& body) {
    const pg::SettingsScope settings;
    const pg::RunAs owner(facts_.owner, SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
    body();
  }

  bool owner_is_operator() {
    const Oid owner = facts_.owner, role = operator_role();
    return pg::call([owner, role] { return superuser_arg(owner) || has_privs_of_role(owner, role); });
  }

  // What only operators hold, for an owner who is none and whose table a superuser protects. An error undoes it.
  void lend(const std::string& verb, const std::string& preposition) {
    const Oid owner = facts_.owner;
    const std::string to =
        " " + preposition + " " + identifier(pg::call([owner] { return GetUserNameFromId(owner, false); }));
    const AsOwner platform;
    execute(verb + " REFERENCES (id) ON factory.tenant_records" + to);
    execute(verb + " EXECUTE ON FUNCTION factory.record_change(), factory.guard_write()" + to);
  }

  // A constant default fills the rows that are there without firing a trigger or rewriting the table.
  void add_column(const std::optional<Uuid>& tenant) {
    if (facts_.tenant_column <= 0) {
      execute("ALTER TABLE " + name_ + " ADD COLUMN tenant_id uuid NOT NULL" +
              (tenant ? " DEFAULT " + literal(core::format_uuid(*tenant)) : std::string()));
    } else if (!facts_.tenant_not_null) {
      execute("ALTER TABLE " + name_ + " ALTER COLUMN tenant_id SET NOT NULL");
    }
    execute("ALTER TABLE " + name_ + " ALTER COLUMN tenant_id SET DEFAULT factory.tenant_id()");
  }

  bool any(const std::string& sql) { return !pg::run_once(sql, {Value::oid(table_)}).empty(); }

  bool has_rows(const char* condition) {
    return !pg::run_once("SELECT 1 FROM " + name_ + condition + " LIMIT 1").empty();
  }

  bool has_foreign_key() {
    return any(
        "SELECT 1 FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid"
        " AND a.attname = 'tenant_id' AND c.conkey = ARRAY[a.attnum] WHERE c.conrelid = $1 AND c.contype = 'f'"
        " AND c.confrelid = 'factory.tenant_records'::pg_catalog.regclass");
  }

  bool has_leading_index() {
    return any(
        "SELECT 1 FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid"
        " AND a.attnum = i.indkey[0] WHERE i.indrelid = $1 AND a.attname = 'tenant_id' AND i.indpred IS NULL");
  }

  // The table and its partitions: each guards itself, as a partition read directly skips its parent's policies.
  std::vector<std::string> tree() {
    const pg::Rows rows = pg::run_once(
        "WITH RECURSIVE tree(relation) AS ("
        "SELECT $1::oid UNION SELECT i.inhrelid FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.relation)"
        " SELECT format('%I.%I', n.nspname, c.relname) FROM tree t"
        " JOIN pg_catalog.pg_class c ON c.oid = t.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace",
        {Value::oid(table_)});
    std::vector<std::string> names;
    for (std::uint64_t row = 0; row < rows.count(); ++row) names.push_back(rows.text(row, 1));
    return names;
  }

  // Statement triggers stay with the table that a statement names, so each relation has its own.
  void guard_writes(const std::string& relation) {
    execute("CREATE TRIGGER factory_guard_write BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON " + relation +
            " FOR EACH STATEMENT EXECUTE FUNCTION factory.guard_write(" + literal(write_) + ")");
    execute("ALTER TABLE " + relation + " ENABLE ALWAYS TRIGGER factory_guard_write");
  }

  // One comparison is all that a row costs, and an index answers it whole: the capability is part of the value compared.
  // Each command has a restrictive policy, so that no other policy on the table lets more in, and a permissive one with the
  // very same condition, which the planner then applies once.
  void secure(const std::string& relation) {
    execute("ALTER TABLE " + relation + " ENABLE ROW LEVEL SECURITY");
    execute("ALTER TABLE " + relation + " FORCE ROW LEVEL SECURITY");
    const std::string readable = "(tenant_id = factory.tenant_with(" + literal(read_) + "))";
    const std::string writable = "(tenant_id = factory.tenant_with(" + literal(write_) + "))";
    const std::map<std::string_view, std::string> conditions = {
        {"SELECT", " USING " + readable},
        {"INSERT", " WITH CHECK " + writable},
        {"UPDATE", " USING " + writable + " WITH CHECK " + writable},
        {"DELETE", " USING " + writable},
    };
    for (const auto& [name, command] : policies)
      for (const bool restrictive : {true, false})
        execute("CREATE POLICY " + policy_name(name, restrictive) + " ON " + relation +
                (restrictive ? " AS RESTRICTIVE FOR " : " AS PERMISSIVE FOR ") + command + " TO PUBLIC" +
                conditions.at(command));
  }

  void release(const std::string& relation) {
    execute("DROP TRIGGER IF EXISTS factory_guard_write ON " + relation);
    for (const auto& [name, command] : policies)
      for (const bool restrictive : {true, false})
        execute("DROP POLICY IF EXISTS " + policy_name(name, restrictive) + " ON " + relation);
    execute("ALTER TABLE " + relation + " NO FORCE ROW LEVEL SECURITY");
    execute("ALTER TABLE " + relation + " DISABLE ROW LEVEL SECURITY");
  }

  static constexpr std::pair<const char*, const char*> policies[] = {
      {"tenant_read", "SELECT"}, {"tenant_insert", "INSERT"}, {"tenant_update", "UPDATE"}, {"tenant_delete", "DELETE"}};

  static std::string policy_name(const char* name, bool restrictive) {
    return restrictive ? std::string(name) : std::string(name) + "_access";
  }

  Oid table_;
  const TableFacts& facts_;
  std::string name_, read_, write_;
};

void write_registration(Oid table, const std::optional<std::string>& read, const std::optional<std::string>& write) {
  static pg::Statement statement("SELECT factory.register_protection($1, $2, $3, $4)");
  const std::string caller = pg::call([] { return GetUserNameFromId(GetOuterUserId(), false); });
  const pg::Restored<bool> window(protecting, true);
  statement.run({Value::datum(REGCLASSOID, ObjectIdGetDatum(table)), Value::optional_text(read),
                 Value::optional_text(write), Value::text(caller)});
}

}  // namespace

FACTORY_FUNCTION(factory_protect) {
  const Oid table = pg::oid_argument(fcinfo, 0, "table");
  const std::string read = pg::text_argument(fcinfo, 1, "read"), write = pg::text_argument(fcinfo, 2, "write");
  const std::optional<Uuid> tenant = pg::optional_uuid(fcinfo, 3);
  check_capability("read", read);
  check_capability("write", write);
  const pg::Connection connection;
  pg::call([table] { LockRelationOid(table, AccessExclusiveLock); });
  const TableFacts facts = facts_of(table);
  check_caller(table, facts);
  check_shape(table, facts);
  if (table_registry::is_tenant_table(table)) throw Problem("conflict", "the table is protected already");
  Protection protection(table, facts, read, write);
  protection.check_rows(tenant);
  check_unique_keys(table, facts, tenant);
  protection.apply(tenant);
  write_registration(table, std::optional(read), std::optional(write));
  return Datum(0);
}

FACTORY_FUNCTION(factory_unprotect) {
  const Oid table = pg::oid_argument(fcinfo, 0, "table");
  const pg::Connection connection;
  pg::call([table] { LockRelationOid(table, AccessExclusiveLock); });
  const TableFacts facts = facts_of(table);
  check_caller(table, facts);
  if (!table_registry::is_tenant_table(table)) throw Problem("not_found", "the table is not protected");
  // What follows is no change of a protected table.
  write_registration(table, std::nullopt, std::nullopt);
  Protection(table, facts, {}, {}).remove();
  return Datum(0);
}

FACTORY_FUNCTION(factory_register_protection) {
  if (!protecting) throw Problem("forbidden", "use factory.protect() or factory.unprotect()");
  const Value table = Value::datum(REGCLASSOID, fcinfo->args[0].value);
  const std::optional<std::string> read = pg::optional_text(fcinfo, 1), write = pg::optional_text(fcinfo, 2);
  const pg::Connection connection;
  if (read) {
    static pg::Statement insert(
        "INSERT INTO factory.table_registry (relation, class, shipped, read_capability, write_capability, "
        "protected_by, protected_at, watched_as)"
        " VALUES ($1, 'tenant', false, $2, $3, $4, pg_catalog.now(), $1)");
    const std::optional<std::string> protected_by = pg::optional_text(fcinfo, 3);
    insert.run({table, Value::optional_text(read), Value::optional_text(write), Value::optional_text(protected_by)});
  } else {
    static pg::Statement remove("DELETE FROM factory.table_registry WHERE relation = $1 AND NOT shipped");
    remove.run({table});
    static pg::Statement forget_changes("DELETE FROM factory.table_changes WHERE relation = $1");
    forget_changes.run({table});
  }
  audit::Event event;
  event.action = read ? "table.protected" : "table.unprotected";
  event.target_type = "table";
  event.target_id = table_registry::qualified_name(DatumGetObjectId(fcinfo->args[0].value));
  audit::record(event);
  return Datum(0);
}

FACTORY_FUNCTION(factory_acknowledge_changes) {
  if (!caller_is_operator()) throw Problem("forbidden", "acknowledging is for factory_operator");
  const Oid oid = pg::oid_argument(fcinfo, 0, "table");
  const Value table = Value::datum(REGCLASSOID, ObjectIdGetDatum(oid));
  const pg::Connection connection;
  static pg::Statement watch(
      "UPDATE factory.table_registry r SET watched_as = $1 FROM factory.table_registry before"
      " WHERE r.relation = $1 AND NOT r.shipped AND before.relation = r.relation"
      " RETURNING before.watched_as IS DISTINCT FROM $1::oid");
  const pg::Rows watched = watch.run({table});
  if (watched.empty()) throw Problem("not_found", "the table is not protected");
  const bool restored = watched.boolean(0, 1);
  // Those that are seen: a change that is not committed yet stays on the list.
  static pg::Statement take(
      "WITH taken AS (DELETE FROM factory.table_changes WHERE relation = $1 RETURNING id, changed_at, changed_by, "
      "command)"
      " SELECT changed_at, changed_by, command FROM taken ORDER BY id");
  const pg::Rows rows = take.run({table});
  std::vector<std::vector<std::string>> texts;
  std::vector<std::vector<Value>> changes;
  texts.reserve(rows.count());
  for (std::uint64_t row = 0; row < rows.count(); ++row) {
    const std::vector<std::string>& text = texts.emplace_back(std::vector{rows.text(row, 2), rows.text(row, 3)});
    changes.push_back({Value::timestamp(rows.timestamp(row, 1)), Value::text(text[0]), Value::text(text[1])});
  }
  if (restored || !changes.empty()) {
    audit::Event event;
    event.action = "table.changes_acknowledged";
    event.target_type = "table";
    event.target_id = table_registry::qualified_name(oid);
    core::JsonWriter(event.metadata)
        .begin_object()
        .member("changes", changes.size())
        .member("restored", restored)
        .end_object();
    audit::record(event);
  }
  return pg::rows_result(fcinfo, changes);
}

// Before each statement that writes. Whom row security binds needs the capability that the trigger names: without it the
// policies would let an UPDATE or DELETE pass over all rows in silence.
FACTORY_FUNCTION(factory_guard_write) {
  if (!CALLED_AS_TRIGGER(fcinfo)) throw Problem("not_in_this_context", "this is a trigger function");
  const auto* trigger = reinterpret_cast<const TriggerData*>(fcinfo->context);
  if (!TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
    throw Problem("not_in_this_context", "this is a BEFORE ... FOR EACH STATEMENT trigger");
  const Oid table = RelationGetRelid(trigger->tg_relation);
  if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event)) {
    if (context::visible_tenant() != nullptr || statement_rules::is_runtime_login())
      throw Problem("not_in_this_context", "TRUNCATE would take the rows of all workspaces; use DELETE");
    audit::Event event;
    event.action = "table.truncated";
    event.target_type = "table";
    event.target_id = table_registry::qualified_name(table);
    audit::record(event);
    return Datum(0);
  }
  const std::optional<core::Capability> write =
      trigger->tg_trigger->tgnargs == 1 ? core::find_capability(trigger->tg_trigger->tgargs[0]) : std::nullopt;
  if (!write) throw Problem("not_in_this_context", "the trigger must name one capability");
  const Context* context = context::current();
  if (context != nullptr && context->has_tenant && core::has(context->capabilities, *write)) return Datum(0);
  if (pg::call([table] { return check_enable_rls(table, InvalidOid, true); }) == RLS_ENABLED)
    gate::require_capability(*write);
  return Datum(0);
}

}  // namespace factory::api
