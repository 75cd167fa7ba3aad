// What the server calls when it loads the library; see the folders for the rest.
#include "api/context.hpp"
#include "api/declarations.hpp"
#include "api/evidence.hpp"
#include "api/rate_policies.hpp"
#include "api/capability_gate.hpp"
#include "api/secrets.hpp"
#include "api/statement_rules.hpp"
#include "api/verification.hpp"
#include "api/worker.hpp"
#include "pg/guard.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"
#include "pg/version.hpp"

extern "C" {
PG_MODULE_MAGIC;

FACTORY_EXPORT void _PG_init(void);

void _PG_init(void) {
  if (!process_shared_preload_libraries_in_progress)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("platform_factory must be loaded when the server starts"),
                    errhint("Add platform_factory to shared_preload_libraries and restart the server.")));
  factory::pg::entry([] {
    factory::pg::settings::define();
    factory::api::context::install();
    factory::pg::reserve_setting_prefix("factory");
    factory::pg::shared_memory::install();
    factory::api::secrets::load();
    factory::api::declarations::install();
    factory::api::rate_policies::install();
    factory::api::gate::install();
    factory::api::statement_rules::install();
    factory::api::install_verification();
    factory::api::evidence::install();
    factory::api::worker::install();
  });
  if (!factory::api::secrets::session_trouble().empty())
    ereport(LOG, (errmsg("platform_factory: %s", factory::api::secrets::session_trouble().c_str()),
                  errhint("Set SESSION_SECRET in the server's environment or in factory.secrets_file, and restart: "
                          "until then nobody can sign in.")));
  if (!factory::api::secrets::encryption_trouble().empty())
    ereport(LOG, (errmsg("platform_factory: %s", factory::api::secrets::encryption_trouble().c_str()),
                  errhint("Set ENCRYPTION_KEY in the server's environment or in factory.secrets_file, and restart: "
                          "until then no stored secret can be written or opened.")));
}
}
