#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace factory::core {

using MailValues = std::map<std::string, std::string, std::less<>>;

enum class MailFormat { text, html };

/// What is wrong with a template, or empty: every {{ is followed by a name of a-z, 0-9 and _ and by }}.
std::string mail_template_fault(std::string_view source);

/// The template with each {{name}} replaced; in HTML the values are escaped, within attributes in double or single
/// quotes too. A name that ends in "url" takes http and https URLs alone. Throws validation_failed naming what is
/// missing or no such URL.
std::string render_mail(std::string_view source, const MailValues& values, MailFormat format);

}  // namespace factory::core
