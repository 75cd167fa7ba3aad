#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace factory::edge {

using TlsContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

/// A server context for TLS 1.2 and later with a certificate chain and its key from PEM files.
/// Throws std::runtime_error when they cannot be used together.
TlsContext make_tls_context(const std::string& certificate_file, const std::string& key_file);

}  // namespace factory::edge
