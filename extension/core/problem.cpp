#include "core/problem.hpp"

#include <algorithm>
#include <stdexcept>

namespace factory::core {
namespace {

constexpr ProblemKind kCatalogue[] = {
#define PROBLEM(code, status, sqlstate, title, hint) {code, status, sqlstate, title, hint},
#include "problems.inc"
#undef PROBLEM
};

const ProblemKind* require_problem(std::string_view code) {
  const ProblemKind* kind = find_problem(code);
  if (kind == nullptr) throw std::logic_error("the catalogue has no problem " + std::string(code));
  return kind;
}

}  // namespace

std::span<const ProblemKind> problem_catalogue() { return kCatalogue; }

const ProblemKind* find_problem(std::string_view code) {
  const auto found = std::ranges::find(kCatalogue, code, &ProblemKind::code);
  return found == std::end(kCatalogue) ? nullptr : &*found;
}

Problem::Problem(std::string_view code, std::string detail, std::vector<FieldError> errors)
    : kind_(require_problem(code)), detail_(std::move(detail)), errors_(std::move(errors)) {}

Problem& Problem::with(std::string name, std::string raw_json) {
  members_.emplace_back(std::move(name), std::move(raw_json));
  return *this;
}

const char* Problem::what() const noexcept { return detail_.empty() ? kind_->title : detail_.c_str(); }

}  // namespace factory::core
