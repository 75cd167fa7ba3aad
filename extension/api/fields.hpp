// Checks of the values that people send, collected so that one answer names every field that is wrong.
#pragma once

#include "core/problem.hpp"

#include <optional>

namespace factory::api {

class Fields {
 public:
  void complain(std::string_view field, std::string code, std::string detail);

  // A display name without surrounding white space: 1 to 200 characters, no control characters.
  std::string name(std::string_view field, const std::string& text);

  // Throws validation_failed when anything was complained of.
  void check() const;

 private:
  std::vector<core::FieldError> errors_;
};

}  // namespace factory::api
