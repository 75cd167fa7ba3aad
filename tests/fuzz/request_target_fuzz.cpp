#include <cstdint>
#include <set>

#include "core/path_template.hpp"
#include "core/problem.hpp"
#include "core/request_target.hpp"
#include "core/utf8.hpp"
#include "crypto/bytes.hpp"
#include "tests/fuzz/expectation.hpp"

using namespace factory;

namespace {

std::string percent_encoded(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    encoded.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
  return encoded;
}

std::string written(const core::RequestTarget& target) {
  std::string text = target.segments.empty() ? "/" : "";
  for (const auto& segment : target.segments) text.append("/").append(percent_encoded(segment));
  for (std::size_t i = 0; i < target.query.size(); ++i) {
    text.append(i == 0 ? "?" : "&").append(percent_encoded(target.query[i].first));
    text.append("=").append(percent_encoded(target.query[i].second));
  }
  return text;
}

void expect_clean(std::string_view text) {
  fuzz::expect(core::valid_utf8(text), "decoded parts are UTF-8");
  for (const char c : text) {
    fuzz::expect(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "decoded parts hold no control character");
  }
}

void check(const core::RequestTarget& target) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < target.segments.size(); ++i) {
    const auto& segment = target.segments[i];
    expect_clean(segment);
    fuzz::expect(segment != "." && segment != "..", "no dot segment");
    fuzz::expect(segment.find_first_of("/\\") == std::string::npos, "no slash inside a segment");
    fuzz::expect(!segment.empty() || i + 1 == target.segments.size(), "only the last segment may be empty");
  }
  for (const auto& [name, value] : target.query) {
    expect_clean(name);
    expect_clean(value);
    fuzz::expect(!name.empty() && names.insert(name).second, "names of parameters are there and unique");
  }
  const std::string text = written(target);
  if (text.size() > core::kMaxTargetSize) return;
  const core::RequestTarget again = core::parse_request_target(text);
  fuzz::expect(again.segments == target.segments && again.query == target.query,
               "what was read can be written and read");
}

}  // namespace

// A target that is read is clean and survives being written in full percent codes; all others end as a Problem.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = crypto::as_text({data, size});
  try {
    check(core::parse_request_target(text));
  } catch (const core::Problem& problem) {
    fuzz::expect(problem.kind().status == 400 || problem.kind().status == 414, "refusals are 400 or 414");
  }
  if (const auto path = core::PathTemplate::parse(text)) {
    fuzz::expect(path->text() == text, "a template keeps its text");
  }
  return 0;
}
