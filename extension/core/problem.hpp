#pragma once

#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace factory::core {

/// One row of the catalogue of problems, control/problems.tsv.
struct ProblemKind {
  const char* code;
  int status;
  const char* sqlstate;
  const char* title;
  const char* hint;
};

/// The whole catalogue in the order of the file.
std::span<const ProblemKind> problem_catalogue();

/// The row of a code, or nullptr.
const ProblemKind* find_problem(std::string_view code);

/// What is wrong with one field: `pointer` is a URI fragment JSON pointer such as "#/email".
struct FieldError {
  std::string pointer;
  std::string code;
  std::string detail;
};

/// A refusal that a caller can understand and mend; travels as an exception and ends as an RFC 9457 document.
class Problem : public std::exception {
 public:
  /// Throws std::logic_error for a code that the catalogue does not have.
  explicit Problem(std::string_view code, std::string detail = {}, std::vector<FieldError> errors = {});

  /// Adds an extension member to the document; `raw_json` is written as it is.
  Problem& with(std::string name, std::string raw_json);

  const ProblemKind& kind() const { return *kind_; }
  const std::string& detail() const { return detail_; }
  const std::vector<FieldError>& errors() const { return errors_; }
  const std::vector<std::pair<std::string, std::string>>& members() const { return members_; }
  /// The detail, or the title where there is none.
  const char* what() const noexcept override;

 private:
  const ProblemKind* kind_;
  std::string detail_;
  std::vector<FieldError> errors_;
  std::vector<std::pair<std::string, std::string>> members_;
};

}  // namespace factory::core
