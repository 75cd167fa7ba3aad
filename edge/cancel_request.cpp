#include "edge/cancel_request.hpp"

#include <array>
#include <system_error>
#include <thread>
#include <utility>

namespace factory::edge {
namespace {

constexpr int most_under_way = 16;
std::atomic<int> under_way{0};

}  // namespace

CancelRequest::CancelRequest(PGconn* connection) {
  std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> handle(PQgetCancel(connection), PQfreeCancel);
  if (!handle) return;
  auto answered = std::make_shared<std::atomic<bool>>(false);
  if (++under_way > most_under_way) {
    --under_way;
    return;
  }
  try {
    std::thread([handle = std::move(handle), answered] {
      std::array<char, 256> message;
      PQcancel(handle.get(), message.data(), static_cast<int>(message.size()));
      *answered = true;
      --under_way;
    }).detach();
    answered_ = std::move(answered);
  } catch (const std::system_error&) {
    --under_way;
  }
}

}  // namespace factory::edge
