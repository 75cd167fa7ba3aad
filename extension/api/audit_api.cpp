// The audit trigger of protected tables: one event per changed row, with the fields that changed.
#include "api/audit_log.hpp"
#include "api/context.hpp"
#include "api/json_rows.hpp"
#include "core/problem.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace factory::api {

using core::Problem;
using core::Uuid;

namespace {

// What the trigger needs to know of a table, worked out once per backend and thrown away when the table changes.
struct AuditedTable {
  std::string name;
  std::string noun;
  int tenant_column = 0;
  std::vector<int> key_columns;  // primary key without tenant_id
};

// Shared: an invalidation may arrive while a trigger still works with its entry.
std::unordered_map<Oid, std::shared_ptr<const AuditedTable>>& tables() {
  static auto* instance = new std::unordered_map<Oid, std::shared_ptr<const AuditedTable>>();
  return *instance;
}

void forget(Datum, Oid relation) {
  if (relation == InvalidOid)
    tables().clear();
  else
    tables().erase(relation);
}

std::shared_ptr<const AuditedTable> audited(Relation relation) {
  static bool registered = false;
  if (!registered) {
    pg::call([] { CacheRegisterRelcacheCallback(forget, Datum(0)); });
    registered = true;
  }
  const Oid oid = RelationGetRelid(relation);
  if (const auto found = tables().find(oid); found != tables().end()) return found->second;
  AuditedTable table;
  table.noun = RelationGetRelationName(relation);
  table.name = pg::call([relation] {
    return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
                                      RelationGetRelationName(relation));
  });
  table.tenant_column = pg::call([oid] { return get_attnum(oid, "tenant_id"); });
  if (table.tenant_column <= 0) throw Problem("not_in_this_context", "the table has no tenant_id");
  Bitmapset* key = pg::call([relation] { return RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY); });
  for (int bit = -1; (bit = bms_next_member(key, bit)) >= 0;) {
    const int column = bit + FirstLowInvalidHeapAttributeNumber;
    if (column > 0 && column != table.tenant_column) table.key_columns.push_back(column);
  }
  return tables().emplace(oid, std::make_shared<const AuditedTable>(std::move(table))).first->second;
}

Datum column_of(HeapTuple row, int column, TupleDesc descriptor, bool* null) {
  return heap_getattr(row, column, descriptor, null);
}

std::string target_id(const AuditedTable& table, HeapTuple row, TupleDesc descriptor) {
  std::string text;
  for (const int column : table.key_columns) {
    if (!text.empty()) text += ',';
    bool null;
    const Datum value = column_of(row, column, descriptor, &null);
    const Oid type = TupleDescAttr(descriptor, column - 1)->atttypid;
    text += pg::call([value, type] {
      Oid output;
      bool varlena;
      getTypeOutputInfo(type, &output, &varlena);
      return OidOutputFunctionCall(output, value);
    });
  }
  return text;
}

// The columns of `row` that differ from `other` byte by byte; all of them when there is no other row.
std::string fields_of(const AuditedTable& table, HeapTuple row, HeapTuple other, TupleDesc descriptor) {
  std::string out = "{";
  for (int column = 1; column <= descriptor->natts; ++column) {
    const FormData_pg_attribute* attribute = TupleDescAttr(descriptor, column - 1);
    if (attribute->attisdropped || column == table.tenant_column) continue;
    bool null, other_null = true;
    const Datum value = column_of(row, column, descriptor, &null);
    if (other != nullptr) {
      const Datum other_value = column_of(other, column, descriptor, &other_null);
      if (null == other_null && (null || pg::call([&] {
                                   return datum_image_eq(value, other_value, attribute->attbyval, attribute->attlen);
                                 })))
        continue;
    } else if (null) {
      continue;
    }
    if (out.size() > 1) out += ',';
    append_json_string(out, NameStr(attribute->attname));
    out += ':';
    append_value(out, value, null, attribute->atttypid);
  }
  return out + "}";
}

Uuid tenant_of(const AuditedTable& table, HeapTuple row, TupleDesc descriptor) {
  bool null;
  const Datum value = column_of(row, table.tenant_column, descriptor, &null);
  if (null) throw Problem("not_in_this_context", "the row has no tenant_id");
  return pg::to_uuid(value);
}

}  // namespace

FACTORY_FUNCTION(factory_record_change) {
  if (!CALLED_AS_TRIGGER(fcinfo)) throw Problem("not_in_this_context", "this is a trigger function");
  const auto* trigger = reinterpret_cast<const TriggerData*>(fcinfo->context);
  if (!TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
    throw Problem("not_in_this_context", "this is an AFTER ... FOR EACH ROW trigger");
  const TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
  const std::shared_ptr<const AuditedTable> kept = audited(trigger->tg_relation);
  const AuditedTable& table = *kept;
  // What the log says does not depend on how the session likes to see its values.
  const pg::Restored<int> dates(DateStyle, USE_ISO_DATES), intervals(IntervalStyle, INTSTYLE_POSTGRES),
      floats(extra_float_digits, 1), bytes(bytea_output, BYTEA_OUTPUT_HEX);
  const bool inserted = TRIGGER_FIRED_BY_INSERT(trigger->tg_event),
             updated = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
  const HeapTuple old_row = inserted ? nullptr : trigger->tg_trigtuple;
  const HeapTuple new_row = inserted ? trigger->tg_trigtuple : updated ? trigger->tg_newtuple : nullptr;
  const HeapTuple row = new_row != nullptr ? new_row : old_row;
  audit::Event event;
  event.tenant = tenant_of(table, row, descriptor);
  if (updated && tenant_of(table, old_row, descriptor) != *event.tenant)
    throw Problem("not_in_this_context", "a row never moves to another workspace");
  if (old_row != nullptr) event.before = fields_of(table, old_row, new_row, descriptor);
  if (new_row != nullptr) event.after = fields_of(table, new_row, old_row, descriptor);
  if (updated && event.before == "{}" && event.after == "{}") return Datum(0);
  event.action = table.noun + (inserted ? ".created" : updated ? ".updated" : ".deleted");
  event.target_type = table.name;
  event.target_id = target_id(table, row, descriptor);
  audit::record(event);
  return Datum(0);
}

}  // namespace factory::api
