// From Postgres errors to problems of the catalogue.
#pragma once

#include "core/problem.hpp"
#include "pg/error.hpp"

namespace factory::api {

// What a caller may know of an error that a function raised. Ours carry their code in DETAIL; an app's function speaks
// through SQLSTATE: PT<status> and P0001 with its own message, the rest by class and without values of rows. What has no
// place in the catalogue is logged and becomes `internal`.
core::Problem problem_of(const pg::PostgresError& error, bool shipped);

}  // namespace factory::api
