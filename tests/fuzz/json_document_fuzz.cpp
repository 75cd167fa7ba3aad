#include <cstdint>
#include <set>

#include "core/json_document.hpp"
#include "core/json_writer.hpp"
#include "core/problem.hpp"
#include "core/utf8.hpp"
#include "crypto/bytes.hpp"
#include "tests/fuzz/expectation.hpp"

using namespace factory;

namespace {

bool is_text(const core::JsonField& field) { return field.kind == core::JsonKind::string; }

std::string written(const core::JsonObject& object) {
  std::string out;
  core::JsonWriter json(out);
  json.begin_object();
  for (const auto& field : object.fields()) {
    json.key(field.name);
    is_text(field) ? json.value(field.text) : json.raw(field.text);
  }
  json.end_object();
  return out;
}

void check(const core::JsonObject& object) {
  std::set<std::string> names;
  for (const auto& field : object.fields()) {
    fuzz::expect(names.insert(field.name).second, "names are unique");
    fuzz::expect(core::valid_utf8(field.name) && core::valid_utf8(field.text), "texts are UTF-8");
    fuzz::expect((field.name + field.text).find('\0') == std::string::npos, "no U+0000 anywhere");
    if (!is_text(field)) core::validate_json(field.text);
  }
  const core::JsonObject again = core::parse_object(written(object));
  fuzz::expect(again.fields().size() == object.fields().size(), "as many members after the round trip");
  for (std::size_t i = 0; i < object.fields().size(); ++i) {
    const auto &before = object.fields()[i], &after = again.fields()[i];
    fuzz::expect(before.name == after.name && before.kind == after.kind && before.text == after.text,
                 "members survive the round trip");
  }
}

}  // namespace

// A body that is read holds to its promises and survives being written; all others end as malformed_json.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = crypto::as_text({data, size});
  try {
    check(core::parse_object(text));
  } catch (const core::Problem& problem) {
    fuzz::expect(std::string_view(problem.kind().code) == "malformed_json", "refusals are malformed_json");
  }
  return 0;
}
