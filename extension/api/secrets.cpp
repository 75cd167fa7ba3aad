#include "api/secrets.hpp"

#include "core/problem.hpp"
#include "crypto/base64url.hpp"
#include "crypto/digest.hpp"
#include "pg/settings.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

namespace factory::api::secrets {

namespace {

constexpr std::size_t least_size = 32;

struct Loaded {
  std::string trouble = "SESSION_SECRET is not set";
  crypto::Secret token_key;
  std::string token_key_id;
};

Loaded& loaded() {
  static Loaded instance;
  return instance;
}

std::string read_private_file(const char* path, std::string& trouble) {
  const int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) {
    trouble = std::string("factory.secrets_file cannot be opened: ") + std::strerror(errno);
    return {};
  }
  std::string content;
  struct stat facts;
  if (fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode) || (facts.st_mode & 077) != 0) {
    trouble = "factory.secrets_file must be a regular file that only the server's user can read (chmod 600)";
  } else {
    char buffer[4096];
    ssize_t count;
    while ((count = read(file, buffer, sizeof buffer)) > 0 && content.size() < 65536) content.append(buffer, count);
    OPENSSL_cleanse(buffer, sizeof buffer);
  }
  close(file);
  return content;
}

// The value of NAME=value in a file of such lines.
std::string_view find_line(std::string_view content, std::string_view name) {
  while (!content.empty()) {
    const std::size_t end = content.find('\n');
    const std::string_view line = content.substr(0, end);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == '=')
      return line.substr(name.size() + 1);
    if (end == std::string_view::npos) break;
    content.remove_prefix(end + 1);
  }
  return {};
}

}  // namespace

void load() {
  Loaded& secrets = loaded();
  std::string content;
  std::string_view secret;
  if (const char* value = std::getenv("SESSION_SECRET"); value != nullptr && *value != '\0') {
    secret = value;
  } else if (pg::settings::secrets_file != nullptr && *pg::settings::secrets_file != '\0') {
    content = read_private_file(pg::settings::secrets_file, secrets.trouble);
    secret = find_line(content, "SESSION_SECRET");
  }
  const std::set<char> different(secret.begin(), secret.end());
  if (!secret.empty() && (secret.size() < least_size || different.size() < 10)) {
    secrets.trouble = "SESSION_SECRET is too weak: it needs 32 random bytes or more";
  } else if (!secret.empty()) {
    // The name is derived as well: a token names the secret it was signed under, and reveals nothing of it.
    secrets.token_key =
        crypto::hkdf_sha256(crypto::as_bytes(secret), {}, crypto::as_bytes("platform_factory access token HS256"), 32);
    const crypto::Sha256Digest name = crypto::hmac_sha256(secrets.token_key.view(), crypto::as_bytes("key id"));
    secrets.token_key_id = crypto::base64url_encode(crypto::ByteView(name.data(), 12));
    secrets.trouble.clear();
  }
  OPENSSL_cleanse(content.data(), content.size());
}

const std::string& session_trouble() { return loaded().trouble; }

crypto::ByteView token_key() {
  if (!loaded().trouble.empty()) throw core::Problem("safe_mode", loaded().trouble);
  return loaded().token_key.view();
}

const std::string& token_key_id() {
  if (!loaded().trouble.empty()) throw core::Problem("safe_mode", loaded().trouble);
  return loaded().token_key_id;
}

}  // namespace factory::api::secrets
