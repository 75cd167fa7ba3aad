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
  std::string session_trouble;
  crypto::Secret token_key;
  std::string token_key_id;
  std::string encryption_trouble;
  std::vector<EncryptionKey> encryption_keys;  // the current one first, then those that it took the place of
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

// Where secrets come from: the environment, else the file, which is read when the first one is looked for there.
class Source {
 public:
  ~Source() { OPENSSL_cleanse(content_.data(), content_.size()); }

  // The secret of that name, or empty with the trouble told.
  std::string_view find(const std::string& name, std::string& trouble) {
    std::string_view secret;
    if (const char* value = std::getenv(name.c_str()); value != nullptr && *value != '\0')
      secret = value;
    else if (read_file())
      secret = find_line(content_, name);
    else
      trouble = file_trouble_;
    const std::set<char> different(secret.begin(), secret.end());
    if (secret.empty()) {
      if (trouble.empty()) trouble = name + " is not set";
    } else if (secret.size() < least_size || different.size() < 10) {
      trouble = name + " is too weak: it needs 32 random bytes or more";
      secret = {};
    }
    return secret;
  }

 private:
  bool read_file() {
    if (!read_ && pg::settings::secrets_file != nullptr && *pg::settings::secrets_file != '\0')
      content_ = read_private_file(pg::settings::secrets_file, file_trouble_);
    read_ = true;
    return file_trouble_.empty();
  }

  bool read_ = false;
  std::string content_, file_trouble_;
};

void load_session_secret(Source& source, Loaded& into) {
  const std::string_view secret = source.find("SESSION_SECRET", into.session_trouble);
  if (secret.empty()) return;
  into.token_key =
      crypto::hkdf_sha256(crypto::as_bytes(secret), {}, crypto::as_bytes("platform_factory access token HS256"), 32);
  // The name is derived as well: a token names the secret it was signed under, and reveals nothing of it.
  const crypto::Sha256Digest name = crypto::hmac_sha256(into.token_key.view(), crypto::as_bytes("key id"));
  into.token_key_id = crypto::base64url_encode(crypto::ByteView(name.data(), 12));
}

void load_encryption_keys(Source& source, Loaded& into) {
  std::string no_previous;
  const std::string_view current = source.find("ENCRYPTION_KEY", into.encryption_trouble);
  for (const std::string_view secret : {current, source.find("ENCRYPTION_KEY_PREVIOUS", no_previous),
                                        source.find("ENCRYPTION_KEY_PREVIOUS_2", no_previous)}) {
    if (secret.empty()) continue;
    EncryptionKey key;
    key.key = crypto::hkdf_sha256(crypto::as_bytes(secret), {},
                                  crypto::as_bytes("platform_factory encryption key AES-256-GCM"), 32);
    const crypto::Sha256Digest name = crypto::hmac_sha256(key.key.view(), crypto::as_bytes("key id"));
    std::copy_n(name.begin(), key.id.size(), key.id.begin());
    into.encryption_keys.push_back(std::move(key));
  }
}

}  // namespace

void load() {
  Source source;
  load_session_secret(source, loaded());
  load_encryption_keys(source, loaded());
}

const std::string& session_trouble() { return loaded().session_trouble; }

crypto::ByteView token_key() {
  if (!session_trouble().empty()) throw core::Problem("safe_mode", session_trouble());
  return loaded().token_key.view();
}

const std::string& token_key_id() {
  if (!session_trouble().empty()) throw core::Problem("safe_mode", session_trouble());
  return loaded().token_key_id;
}

const std::string& encryption_trouble() { return loaded().encryption_trouble; }

const EncryptionKey& encryption_key() {
  if (!encryption_trouble().empty()) throw core::Problem("safe_mode", encryption_trouble());
  return loaded().encryption_keys.front();
}

const EncryptionKey* find_encryption_key(const core::Uuid& id) {
  for (const EncryptionKey& key : loaded().encryption_keys)
    if (key.id == id) return &key;
  return nullptr;
}

}  // namespace factory::api::secrets
