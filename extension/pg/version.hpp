// What differs between server versions stands here and nowhere else.
#pragma once

#include "pg/postgres.hpp"

namespace factory::pg {

// The current transaction's local id: another one for each transaction of the backend, invalid between them.
inline LocalTransactionId local_transaction() {
#if PG_VERSION_NUM >= 170000
  return MyProc->vxid.lxid;
#else
  return MyProc->lxid;
#endif
}

// Memory for what a setting's check hook hands to its assign hook; may return nullptr.
inline void* setting_memory(std::size_t size) {
#if PG_VERSION_NUM >= 160000
  return guc_malloc(LOG, size);
#else
  return std::malloc(size);
#endif
}

inline void free_setting_memory(void* memory) {
#if PG_VERSION_NUM >= 160000
  guc_free(memory);
#else
  std::free(memory);
#endif
}

// Ownership and privilege by the server's rules; may raise for an object that is gone.
inline bool owns_table(Oid table, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(RelationRelationId, table, role);
#else
  return pg_class_ownercheck(table, role);
#endif
}

inline bool owns_function(Oid function, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(ProcedureRelationId, function, role);
#else
  return pg_proc_ownercheck(function, role);
#endif
}

inline bool may_execute(Oid function, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) == ACLCHECK_OK;
#else
  return pg_proc_aclcheck(function, role, ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

// Enters a new row of a table into its indexes.
inline void insert_index_entries(ResultRelInfo* target, TupleTableSlot* slot, EState* state) {
#if PG_VERSION_NUM >= 160000
  ExecInsertIndexTuples(target, slot, state, false, false, nullptr, NIL, false);
#else
  ExecInsertIndexTuples(target, slot, state, false, false, nullptr, NIL);
#endif
}

inline void reserve_setting_prefix(const char* prefix) { MarkGUCPrefixReserved(prefix); }

}  // namespace factory::pg
