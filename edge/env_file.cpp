#include "edge/env_file.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "edge/config.hpp"

namespace factory::edge {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

// 64 digits: 256 bits, in letters that need no quoting anywhere.
std::string fresh_secret() {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) throw std::runtime_error("no random bytes");
  std::string digits;
  for (const unsigned char byte : bytes) {
    digits += "0123456789abcdef"[byte >> 4];
    digits += "0123456789abcdef"[byte & 15];
  }
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return digits;
}

bool is_name(const std::string& text) {
  const auto may_stand = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), may_stand);
}

Lines read_lines(const std::string& file) {
  Lines lines;
  if (file.empty()) return lines;
  std::ifstream in(file);
  if (!in) throw std::runtime_error(file + " cannot be read");
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty() || line.front() == '#') continue;
    const auto equals = line.find('=');
    // The line is not repeated: it may hold a secret.
    if (equals == std::string::npos || !is_name(line.substr(0, equals))) {
      throw std::runtime_error(file + ", line " + std::to_string(number) + ": expected NAME=value");
    }
    lines.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  return lines;
}

// Takes the value of a name out of the lines, where they have it; the last one counts. An empty one is a value too.
std::optional<std::string> take(Lines& lines, const std::string& name) {
  std::optional<std::string> found;
  for (const auto& [key, value] : lines) {
    if (key == name) found = value;
  }
  std::erase_if(lines, [&name](const auto& line) { return line.first == name; });
  if (const char* set = std::getenv(name.c_str()); set && *set != '\0') found = set;
  return found;
}

}  // namespace

std::string complete_env(const std::string& file) {
  Lines lines = read_lines(file);
  std::string out;
  const auto add = [&](const std::string& name, const std::string& help, const auto& make) {
    auto value = take(lines, name);
    if (value && value->find('\n') != std::string::npos) throw std::runtime_error(name + " has more than one line");
    out += "# " + help + "\n" + name + "=" + (value ? *value : make()) + "\n";
  };
  // An empty secret is none.
  const auto add_secret = [&](const std::string& name, const std::string& help) {
    if (const auto kept = std::find_if(lines.rbegin(), lines.rend(), [&](auto& line) { return line.first == name; });
        kept != lines.rend() && kept->second.empty()) {
      std::erase_if(lines, [&](auto& line) { return line.first == name; });
    }
    add(name, help, fresh_secret);
  };
  add_secret("SESSION_SECRET",
             "Signs access tokens. For the server: its environment, or this file as factory.secrets_file");
  add_secret("ENCRYPTION_KEY", "Seals stored secrets. Keep it: without it they are lost. For the server, as above");
  add("DATABASE_URL",
      "Where the edge signs in. A password made here has to be given to the role: ALTER ROLE factory_edge PASSWORD",
      [] { return "postgresql://factory_edge:" + fresh_secret() + "@/platform?host=/var/run/postgresql"; });
  add("SMTP_URL", "Mail server, such as smtps://user:password@mail.example.com; empty: mails wait", [] { return ""; });
  for (const auto& setting : known_settings()) add(setting.name, setting.help, [&] { return setting.text; });
  if (!lines.empty()) out += "# From " + file + "\n";
  for (const auto& [name, value] : lines) out.append(name).append("=").append(value).append("\n");
  return out;
}

}  // namespace factory::edge
