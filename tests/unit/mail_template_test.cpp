#include "core/mail_template.hpp"

#include <gtest/gtest.h>

#include "core/problem.hpp"

namespace factory::core {
namespace {

TEST(MailTemplate, PutsValuesIn) {
  const MailValues values{{"name", "Ann"}, {"n", "3"}};
  EXPECT_EQ(render_mail("Hello {{name}}, {{n}} of {{n}}{{name}}", values, MailFormat::text), "Hello Ann, 3 of 3Ann");
  EXPECT_EQ(render_mail("", values, MailFormat::text), "");
  EXPECT_EQ(render_mail("{ no } placeholder }} here", values, MailFormat::text), "{ no } placeholder }} here");
}

TEST(MailTemplate, EscapesInHtmlAlone) {
  const MailValues values{{"name", R"(<script src="x">'&'</script>)"}};
  EXPECT_EQ(render_mail("{{name}}", values, MailFormat::html),
            "&lt;script src=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/script&gt;");
  EXPECT_EQ(render_mail("{{name}}", values, MailFormat::text), values.at("name"));
}

TEST(MailTemplate, NeverReadsAValueAsTemplate) {
  const MailValues values{{"name", "{{other}}"}, {"other", "secret"}};
  EXPECT_EQ(render_mail("{{name}}", values, MailFormat::text), "{{other}}");
}

TEST(MailTemplate, NamesWhatIsMissing) {
  try {
    render_mail("{{name}}", {}, MailFormat::text);
    FAIL();
  } catch (const Problem& problem) {
    EXPECT_STREQ(problem.kind().code, "validation_failed");
    EXPECT_EQ(problem.errors().at(0).pointer, "#/data/name");
  }
}

TEST(MailTemplate, TakesOnlyWebAddressesAsUrls) {
  for (const char* url : {"javascript:alert(1)", "data:text/html,x", " https://x", "", "//x", "HTTPS://x"})
    EXPECT_THROW(render_mail("{{login_url}}", {{"login_url", url}}, MailFormat::html), Problem) << url;
  EXPECT_EQ(render_mail("{{url}}", {{"url", "https://x/?a=1&b=2"}}, MailFormat::html), "https://x/?a=1&amp;b=2");
}

TEST(MailTemplate, FindsFaults) {
  for (const char* good : {"", "plain", "{{a}}", "{{a_1}} {{b}}", "}} {"})
    EXPECT_EQ(mail_template_fault(good), "") << good;
  for (const char* bad : {"{{", "{{}}", "{{a", "{{ a }}", "{{A}}", "{{{a}}}", "{{#a}}x{{/a}}", "{{a}} {{b"})
    EXPECT_NE(mail_template_fault(bad), "") << bad;
}

}  // namespace
}  // namespace factory::core
