#include "edge/outbound_call.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>

#include "edge/log.hpp"

namespace factory::edge {
namespace {

constexpr long connect_milliseconds = 5'000;
constexpr long whole_milliseconds = 20'000;
// Of headers and body together: an answer says enough by its status.
constexpr std::size_t longest_answer = 65'536;
constexpr long longest_idle_seconds = 30;

template <typename Value>
void set(CURL* handle, CURLoption option, Value value) {
  if (curl_easy_setopt(handle, option, value) != CURLE_OK) throw std::bad_alloc();
}

void append(curl_slist*& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list, line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  list = longer;
}

// Host of a URL by curl's own reading, which is the one that counts.
std::string host_of(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  char* text = nullptr;
  std::string host;
  if (parsed && curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
      curl_url_get(parsed.get(), CURLUPART_HOST, &text, 0) == CURLUE_OK)
    host = text;
  curl_free(text);
  return host;
}

bool has_user(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  char* text = nullptr;
  const bool readable = parsed && curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK;
  const bool found = readable && (curl_url_get(parsed.get(), CURLUPART_USER, &text, 0) == CURLUE_OK ||
                                  curl_url_get(parsed.get(), CURLUPART_PASSWORD, &text, 0) == CURLUE_OK);
  curl_free(text);
  return !readable || found;
}

}  // namespace

OutboundCall::OutboundCall(OutboundMessage message, const OutboundPolicy& policy, const OutboundSettings& settings)
    : message_(std::move(message)), policy_(policy), handle_(curl_easy_init(), curl_easy_cleanup) {
  if (!handle_) throw std::bad_alloc();
  CURL* handle = handle_.get();
  set(handle, CURLOPT_PRIVATE, this);
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_CONNECTTIMEOUT_MS, connect_milliseconds);
  set(handle, CURLOPT_TIMEOUT_MS, whole_milliseconds);
  set(handle, CURLOPT_MAXAGE_CONN, longest_idle_seconds);
  // Nothing from the environment or the files of a user: no proxy, no .netrc.
  set(handle, CURLOPT_PROXY, "");
  set(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!settings.authorities.empty()) set(handle, CURLOPT_CAINFO, settings.authorities.c_str());
  set(handle, CURLOPT_WRITEFUNCTION, &OutboundCall::take_answer);
  set(handle, CURLOPT_WRITEDATA, this);
  set(handle, CURLOPT_HEADERFUNCTION, &OutboundCall::take_answer);
  set(handle, CURLOPT_HEADERDATA, this);
  if (message_.is_mail)
    prepare_mail(settings);
  else
    prepare_http(settings);
}

OutboundCall::~OutboundCall() {
  handle_.reset();
  curl_slist_free_all(lines_);
}

void OutboundCall::prepare_http(const OutboundSettings&) {
  CURL* handle = handle_.get();
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_FOLLOWLOCATION, 0L);
  set(handle, CURLOPT_URL, message_.destination.c_str());
  secure_ = message_.destination.starts_with("https://");
  refused_ = has_user(message_.destination);
  set(handle, CURLOPT_OPENSOCKETFUNCTION, &OutboundCall::open_socket);
  set(handle, CURLOPT_OPENSOCKETDATA, this);
  set(handle, CURLOPT_PREREQFUNCTION, &OutboundCall::before_request);
  set(handle, CURLOPT_PREREQDATA, this);
  set(handle, CURLOPT_USERAGENT, "platform-factory/" FACTORY_VERSION);
  set(handle, CURLOPT_POST, 1L);
  set(handle, CURLOPT_POSTFIELDS, message_.body.data());
  set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(message_.body.size()));
  append(lines_, "Expect:");
  std::string_view rest = message_.headers;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    append(lines_, std::string(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  set(handle, CURLOPT_HTTPHEADER, lines_);
}

void OutboundCall::prepare_mail(const OutboundSettings& settings) {
  CURL* handle = handle_.get();
  set(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set(handle, CURLOPT_URL, settings.smtp_url.c_str());
  // A password goes over TLS alone, and so does all else but to this machine.
  const std::string host = host_of(settings.smtp_url);
  const bool local = host == "localhost" || host == "127.0.0.1" || host == "[::1]";
  const bool optional = local && !has_user(settings.smtp_url);
  set(handle, CURLOPT_USE_SSL, static_cast<long>(optional ? CURLUSESSL_TRY : CURLUSESSL_ALL));
  // Nobody certifies the name of a loopback address.
  if (local) set(handle, CURLOPT_SSL_VERIFYPEER, 0L), set(handle, CURLOPT_SSL_VERIFYHOST, 0L);
  set(handle, CURLOPT_MAIL_FROM, message_.sender.c_str());
  append(lines_, message_.destination);
  set(handle, CURLOPT_MAIL_RCPT, lines_);
  set(handle, CURLOPT_READFUNCTION, &OutboundCall::give_body);
  set(handle, CURLOPT_READDATA, this);
  set(handle, CURLOPT_UPLOAD, 1L);
}

bool OutboundCall::may_connect(const Address& address, int port) {
  if (!refused_ && policy_.allows(address, port, secure_)) return true;
  if (!refused_) {
    // For operators: the workspace's own record does not tell what its name leads to inside.
    LogLine(Level::warning, "outbound_refused").add("id", message_.id).add("address", address.text()).add("port", port);
  }
  refused_ = true;
  return false;
}

curl_socket_t OutboundCall::open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& call = *static_cast<OutboundCall*>(self);
  const auto target = Address::of(address->addr);
  // An IPv6 socket to an IPv4-mapped address would reach IPv4 under another name.
  const bool mapped = target && address->family == AF_INET6 && target->is_v4();
  const int port = target ? ntohs(reinterpret_cast<const sockaddr_in&>(address->addr).sin_port) : 0;
  if (!target || mapped || !call.may_connect(*target, port)) {
    call.refused_ = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// A connection that is used again was judged when it was opened; what operators have closed since is closed.
int OutboundCall::before_request(void* self, char* remote, char*, int remote_port, int) {
  auto& call = *static_cast<OutboundCall*>(self);
  const auto address = Address::parse(remote);
  return address && call.may_connect(*address, remote_port) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

std::size_t OutboundCall::take_answer(char*, std::size_t size, std::size_t count, void* self) {
  auto& call = *static_cast<OutboundCall*>(self);
  call.received_ += size * count;
  call.cut_ = call.received_ > longest_answer;
  return call.cut_ ? 0 : size * count;
}

std::size_t OutboundCall::give_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& call = *static_cast<OutboundCall*>(self);
  const auto length = std::min(size * count, call.message_.body.size() - call.sent_);
  std::memcpy(data, call.message_.body.data() + call.sent_, length);
  call.sent_ += length;
  return length;
}

OutboundResult OutboundCall::result(CURLcode code) const {
  OutboundResult result{message_.id, message_.lease, "unreachable", 0, {}, 0};
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (refused_ && code != CURLE_OK) {
    result.outcome = "refused";
    result.detail = "the address behind this URL may not be called";
    return result;
  }
  // A mail server's refusal ends the transfer as an error; that it does not know us says nothing about the mail.
  const bool spoke = status >= 200 && (code == CURLE_OK || (!message_.is_mail && cut_) ||
                                       (message_.is_mail && status >= 400 && code != CURLE_LOGIN_DENIED));
  result.status = static_cast<int>(status);
  if (!spoke) {
    result.status = 0;
    result.detail = failure_text(code);
    return result;
  }
  result.outcome = "answered";
  if (cut_) result.detail = "the answer was longer than 64 KiB and not read to its end";
  curl_off_t retry_after = 0;
  if (!message_.is_mail && curl_easy_getinfo(handle_.get(), CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK)
    result.retry_after = static_cast<int>(std::clamp<curl_off_t>(retry_after, 0, 1'000'000));
  return result;
}

OutboundResult OutboundCall::returned() const { return {message_.id, message_.lease, "returned", 0, {}, 0}; }

std::string OutboundCall::failure_text(CURLcode code) const {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "the name of the host is not known";
    case CURLE_COULDNT_CONNECT:
      return "no connection could be made";
    case CURLE_OPERATION_TIMEDOUT:
      return "there was no whole answer within 20 seconds";
    case CURLE_PEER_FAILED_VERIFICATION:
      return "the certificate is not to be trusted for this host";
    default:
      return curl_easy_strerror(code);
  }
}

}  // namespace factory::edge
