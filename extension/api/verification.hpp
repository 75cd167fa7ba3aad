// From a credential to a context: signature, session, account, workspace and membership, looked up in one statement.
#pragma once

#include "api/context.hpp"
#include "crypto/jwt.hpp"

namespace factory::api {

// Claims of an access token that is ours and has not expired. Throws invalid_token, token_expired, or safe_mode.
crypto::JwtClaims verify_access_token(std::string_view token);

// Signs an access token for a session; makes the signing key's row at first use. Throws safe_mode.
std::string issue_access_token(const core::Uuid& user, const core::Uuid& session, int assurance);

enum class Membership : bool { needed, optional };

// The context of a verified token in `tenant`, or of the person alone when there is none. Throws session_ended,
// account_disabled, tenant_not_found (unknown and foreign alike, unless membership is optional) and tenant_deleted.
// Runs as factory_owner.
Context establish(const crypto::JwtClaims& claims, const std::optional<core::Uuid>& tenant, Membership membership);

// Workspaces of a person by the directory: at most `most`.
std::vector<core::Uuid> tenants_of(const core::Uuid& user, std::size_t most);

// The workspace of a call that named none: the sole one, or nothing where there is none; throws tenant_required with the
// list when there are several.
std::optional<core::Uuid> sole_tenant(const core::Uuid& user);

// Installs the re-verification of session-long contexts and the cache of signing keys.
void install_verification();

}  // namespace factory::api
