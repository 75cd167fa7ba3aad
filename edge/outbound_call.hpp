#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "edge/outbound_policy.hpp"

namespace factory::edge {

/// A message that this process has claimed.
struct OutboundMessage {
  std::string id;
  std::string lease;
  bool is_mail = false;
  int attempt = 0;
  /// A URL, or the address of a mail.
  std::string destination;
  /// Envelope sender of a mail.
  std::string sender;
  /// "Name: value" lines.
  std::string headers;
  std::string body;
};

/// What became of it, in the words of factory.outbox_report().
struct OutboundResult {
  std::string id;
  std::string lease;
  const char* outcome = "unreachable";
  /// Status of HTTP or SMTP; 0 without an answer.
  int status = 0;
  /// For people of the workspace: it names no address of the inside.
  std::string detail;
  int retry_after = 0;
};

/// What all calls of a process share; nothing in it comes from a workspace.
struct OutboundSettings {
  /// smtp:// or smtps:// URL, may hold a password; empty: mails are not sent.
  std::string smtp_url;
  /// PEM file of authorities besides the system's, or empty.
  std::string authorities;
};

/// One call out: https or http under the policy, or a mail to the operator's own server. It stays where it is: curl holds
/// its address.
class OutboundCall {
 public:
  OutboundCall(OutboundMessage message, const OutboundPolicy& policy, const OutboundSettings& settings);
  ~OutboundCall();
  OutboundCall(const OutboundCall&) = delete;
  OutboundCall& operator=(const OutboundCall&) = delete;

  CURL* handle() const { return handle_.get(); }
  const OutboundMessage& message() const { return message_; }

  /// The result, once curl says that the transfer has ended with `code`.
  OutboundResult result(CURLcode code) const;

  /// The result of a call that is given up before its end.
  OutboundResult returned() const;

 private:
  void prepare_http(const OutboundSettings& settings);
  void prepare_mail(const OutboundSettings& settings);
  bool may_connect(const Address& address, int port);
  std::string failure_text(CURLcode code) const;

  static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int before_request(void* self, char* remote, char* local, int remote_port, int local_port);
  static std::size_t take_answer(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t give_body(char* data, std::size_t size, std::size_t count, void* self);

  const OutboundMessage message_;
  const OutboundPolicy policy_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle_;
  curl_slist* lines_ = nullptr;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  bool secure_ = false;
  bool refused_ = false;
  bool cut_ = false;
};

}  // namespace factory::edge
