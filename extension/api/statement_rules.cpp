#include "api/statement_rules.hpp"

#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/table_changes.hpp"
#include "api/table_registry.hpp"
#include "core/problem.hpp"
#include "pg/scope.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
}

namespace factory::api::statement_rules {

using core::Problem;

namespace {

ProcessUtility_hook_type next_utility = nullptr;
object_access_hook_type next_object_access = nullptr;
int nonatomic_blocks = 0;

[[noreturn]] void refuse(const char* what) { throw Problem("not_in_this_context", what); }

// Whether a new relation of this name would be temporary: by its own word, or by a search_path that begins with pg_temp.
bool has_temporary_schema() {
  Oid schema, toast;
  GetTempNamespaceState(&schema, &toast);
  return OidIsValid(schema);
}

bool is_temporary(const RangeVar* relation) {
  if (relation == nullptr) return false;
  if (relation->relpersistence == RELPERSISTENCE_TEMP) return true;
  return pg::call([relation] { return isTempNamespace(RangeVarGetCreationNamespace(relation)); });
}

bool sets_our_setting(const List* options) {
  const ListCell* cell;
  foreach (cell, options) {
    const auto* option = static_cast<const DefElem*>(lfirst(cell));
    if (std::strcmp(option->defname, "set") != 0) continue;
    const auto* set = reinterpret_cast<const VariableSetStmt*>(option->arg);
    if (set->name != nullptr && pg_strncasecmp(set->name, "factory.", 8) == 0) return true;
  }
  return false;
}

// LOCK TABLE on a view locks the tables behind it, too.
bool locks_tenant_table(Oid relation) {
  return table_registry::is_tenant_table(relation) ||
         pg::call([relation] { return get_rel_relkind(relation) == RELKIND_VIEW; });
}

bool any_relation(const List* relations, bool (*matches)(Oid)) {
  const ListCell* cell;
  foreach (cell, relations) {
    const auto* relation = static_cast<const RangeVar*>(lfirst(cell));
    const Oid oid = pg::call([relation] { return RangeVarGetRelid(relation, NoLock, true); });
    if (OidIsValid(oid) && matches(oid)) return true;
  }
  return false;
}

// For everybody, superusers too: a context must never hang on a function or a role.
void check_for_all(const Node* statement) {
  if (IsA(statement, CreateFunctionStmt)) {
    if (sets_our_setting(reinterpret_cast<const CreateFunctionStmt*>(statement)->options))
      refuse("a function cannot carry a factory.* setting");
  } else if (IsA(statement, AlterFunctionStmt)) {
    if (sets_our_setting(reinterpret_cast<const AlterFunctionStmt*>(statement)->actions))
      refuse("a function cannot carry a factory.* setting");
  }
}

void check_for_runtime_login(const Node* statement) {
  switch (nodeTag(statement)) {
    case T_DeclareCursorStmt:
      if (reinterpret_cast<const DeclareCursorStmt*>(statement)->options & CURSOR_OPT_HOLD)
        refuse("a cursor WITH HOLD would carry rows into the next context; read them in one transaction");
      return;
    case T_CreateStmt:
      if (is_temporary(reinterpret_cast<const CreateStmt*>(statement)->relation))
        refuse("a temporary table would carry rows into the next context");
      return;
    case T_CreateTableAsStmt:
      if (is_temporary(reinterpret_cast<const CreateTableAsStmt*>(statement)->into->rel))
        refuse("a temporary table would carry rows into the next context");
      return;
    case T_ViewStmt:
      if (is_temporary(reinterpret_cast<const ViewStmt*>(statement)->view))
        refuse("a temporary view is not for runtime logins");
      return;
    case T_CreateSeqStmt:
      if (is_temporary(reinterpret_cast<const CreateSeqStmt*>(statement)->sequence))
        refuse("a temporary sequence would carry values into the next context");
      return;
    case T_TransactionStmt:
      if (reinterpret_cast<const TransactionStmt*>(statement)->kind == TRANS_STMT_PREPARE)
        refuse("a prepared transaction would outlive its context");
      return;
    case T_ListenStmt:
      if (pg_strncasecmp(reinterpret_cast<const ListenStmt*>(statement)->conditionname, "factory_", 8) == 0)
        refuse("channels named factory_* are the platform's own");
      return;
    case T_LockStmt:
      if (any_relation(reinterpret_cast<const LockStmt*>(statement)->relations, locks_tenant_table))
        refuse("locking a table of all workspaces, or a view, would stall them; lock rows with SELECT ... FOR UPDATE");
      return;
    case T_CopyStmt: {
      const auto* copy = reinterpret_cast<const CopyStmt*>(statement);
      if (copy->is_from && copy->relation != nullptr) {
        List* relations = pg::call([copy] { return list_make1(copy->relation); });
        if (any_relation(relations, table_registry::is_tenant_table))
          refuse("COPY FROM is not possible on a table with row security; use INSERT");
      }
      return;
    }
    default:
      return;
  }
}

void utility(PlannedStmt* planned, const char* text, bool read_only, ProcessUtilityContext context,
             ParamListInfo parameters, QueryEnvironment* environment, DestReceiver* receiver,
             QueryCompletion* completion) {
  const auto next = next_utility != nullptr ? next_utility : standard_ProcessUtility;
  const Node* statement = planned->utilityStmt;
  pg::insist_on_read_only();
  const bool may_commit = (IsA(statement, DoStmt) || IsA(statement, CallStmt)) &&
                          (context == PROCESS_UTILITY_TOPLEVEL || context == PROCESS_UTILITY_QUERY_NONATOMIC) &&
                          !IsTransactionBlock();
  const bool alters_table = IsA(statement, AlterTableStmt);
  const char* const command = GetCommandTagName(CreateCommandTag(planned->utilityStmt));
  if (context == PROCESS_UTILITY_TOPLEVEL) table_changes::forget();
  const std::size_t changes_before = table_changes::count();
  bool forbid_temporary = false;
  if (IsTransactionState()) {
    pg::entry([&] {
      check_for_all(statement);
      if (is_runtime_login()) {
        check_for_runtime_login(statement);
        forbid_temporary = !has_temporary_schema();
      }
      if (may_commit && context::is_session_long())
        refuse("DO and CALL may commit, and a session-long context does not go with that; open a transaction first");
    });
  }
  if (!may_commit) {
    next(planned, text, read_only, context, parameters, environment, receiver, completion);
    // Whatever way a name led into pg_temp: the search path, its real name, or a function or type.
    if (forbid_temporary && has_temporary_schema())
      pg::entry([] { refuse("temporary objects are not for runtime logins"); });
    // A part of ALTER TABLE or CREATE SCHEMA waits for the whole.
    if (context != PROCESS_UTILITY_SUBCOMMAND && IsTransactionState() &&
        (alters_table || table_changes::count() > changes_before)) {
      pg::entry([&] {
        if (alters_table) table_changes::note(reinterpret_cast<const AlterTableStmt*>(statement)->relation);
        if (table_changes::count() > changes_before) table_changes::record(changes_before, command);
      });
    }
    return;
  }
  pg::entry([&] {
    const pg::Restored<int> entered(nonatomic_blocks, nonatomic_blocks + 1);
    pg::call([&] { next(planned, text, read_only, context, parameters, environment, receiver, completion); });
  });
}

// DROP EXTENSION drops its members first: the workspaces' table still stands, and is asked, at the moment it is to go.
void check_tenants_gone(Oid relation) {
  if (relation != platform_relation("tenant_records")) return;
  const AsOwner owner;
  const pg::Connection connection;
  const std::int64_t live = pg::run_once("SELECT count(*) FROM factory.tenant_records").bigint(0, 1);
  if (live > 0) throw Problem("tenants_exist", std::to_string(live) + " workspaces live in it");
}

void object_access(ObjectAccessType access, Oid catalog, Oid object, int column, void* argument) {
  if (next_object_access != nullptr) next_object_access(access, catalog, object, column, argument);
  if (access != OAT_POST_CREATE && access != OAT_POST_ALTER && access != OAT_DROP) return;
  pg::entry([=] {
    table_changes::note(access, catalog, object, column, argument);
    if (access != OAT_DROP || catalog != RelationRelationId || column != 0) return;
    check_tenants_gone(object);
    table_registry::forget_dropped(object);
  });
}

}  // namespace

// Operators and superusers are trusted with all.
bool is_runtime_login() {
  const Oid login = GetSessionUserId();
  const Oid app = pg::call([] { return get_role_oid("factory_app", true); });
  if (!OidIsValid(app)) return false;
  return pg::call([login, app] {
    return !superuser_arg(login) && is_member_of_role_nosuper(login, app) &&
           !is_member_of_role_nosuper(login, get_role_oid("factory_operator", false));
  });
}

void install() {
  table_changes::install();
  next_utility = ProcessUtility_hook;
  ProcessUtility_hook = utility;
  next_object_access = object_access_hook;
  object_access_hook = object_access;
}

bool inside_nonatomic_block() { return nonatomic_blocks > 0; }

}  // namespace factory::api::statement_rules
