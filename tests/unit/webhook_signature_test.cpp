#include "crypto/webhook_signature.hpp"

#include <gtest/gtest.h>

#include "crypto/base64url.hpp"

namespace factory::crypto {
namespace {

// The example of the Standard Webhooks specification.
TEST(WebhookSignature, SignsAsTheSpecificationDoes) {
  const Bytes secret = base64_decode("plJ3nmyCDGBKInavdOK15jsl").value();
  const char* body = R"({"event_type":"ping","data":{"success":true}})";
  EXPECT_EQ(webhook_signature(secret, "msg_loFOjxBNrRLzqYUf", 1731705121, body),
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=");
  EXPECT_NE(webhook_signature(secret, "msg_loFOjxBNrRLzqYUf", 1731705122, body),
            webhook_signature(secret, "msg_loFOjxBNrRLzqYUf", 1731705121, body));
}

}  // namespace
}  // namespace factory::crypto
