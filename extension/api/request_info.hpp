// What audit events say of the call they belong to.
#pragma once

#include "pg/postgres.hpp"

namespace factory::api {

struct RequestInfo {
  bool over_http = false;
  std::string request_id;
  std::string user_agent;
  std::optional<std::string> peer;
};

// The HTTP call being answered; outside of one, the address of the database client.
RequestInfo& request_info();
std::optional<std::string> peer_address();

}  // namespace factory::api
