#include "control/ike/sa/transmit.h"

#include <algorithm>
#include <utility>

#include "control/ike/keys/protection.h"

namespace gotthard::ike {
namespace {

// IVs are committed by blocks: a restart skips what is left of one.
constexpr std::uint64_t kIvBlock = 256;
constexpr std::size_t kMarker = 4;

NextIv iv_source(Turn& turn, IkeSa& sa) {
  return [&turn, &sa](std::size_t size) {
    // AES-CBC's must not be foreseen (RFC 3602, section 3).
    if (size != 8) {
      return turn.random(size);
    }
    if (sa.next_iv == sa.iv_end) {
      sa.iv_end += kIvBlock;
      turn.touch(sa);
    }
    Writer iv;
    iv.u64(sa.next_iv++);
    return iv.take();
  };
}

// Bytes of UDP payload that a fragment may have; 0: no fragments.
std::size_t fragment_size(const IkeSa& sa) {
  const ConnectionSettings& connection = *sa.connection;
  if (!sa.peer.fragmentation || !connection.fragmentation) {
    return 0;
  }
  const std::size_t around =
      (sa.path.remote.family == abi::Family::ipv4 ? 20 : 40) + 8 + (sa.marked ? kMarker : 0);
  return connection.fragment_size > around ? connection.fragment_size - around : 0;
}

std::optional<std::vector<Buffer>> sealed(Turn& turn, IkeSa& sa, ExchangeType exchange,
                                          std::uint32_t id, bool response,
                                          const ChainWriter& chain) {
  const Header header{.spi_initiator = sa.spis.initiator,
                      .spi_responder = sa.spis.responder,
                      .exchange = exchange,
                      .from_initiator = sa.initiator,
                      .is_response = response,
                      .message_id = id};
  return seal(message_suite(sa.suite), sa.our_keys(), header, chain, iv_source(turn, sa),
              fragment_size(sa));
}

void emit(Turn& turn, const IkeSa& sa, const Path& path, const std::vector<Buffer>& datagrams) {
  for (const Buffer& datagram : datagrams) {
    turn.act(SendDatagram{path, sa.marked, datagram});
  }
}

void put_in_flight(Turn& turn, IkeSa& sa, std::vector<Buffer> datagrams, Exchange what) {
  const Nanoseconds interval = sa.connection->retransmission.first;
  sa.request.emplace(Request{.id = sa.next_request++,
                             .what = std::move(what),
                             .datagrams = std::move(datagrams),
                             .again_at = turn.now.boot + interval,
                             .interval = interval});
  sa.response_pieces.clear();
  turn.touch(sa);
  emit(turn, sa, sa.path, sa.request->datagrams);
}

}  // namespace

Buffer plain_message(Header header, const ChainWriter& chain) {
  header.next_payload = chain.first();
  Writer message;
  write(message, header, chain.bytes().size());
  message.bytes(chain.bytes());
  return message.take();
}

void send_plain(Turn& turn, const Path& path, bool marked, const Header& header,
                const ChainWriter& chain) {
  turn.act(SendDatagram{path, marked, plain_message(header, chain)});
}

void send_init_request(Turn& turn, IkeSa& sa, Buffer message) {
  sa.next_request = 0;
  put_in_flight(turn, sa, {std::move(message)}, InitExchange{});
}

bool send_request(Turn& turn, IkeSa& sa, ExchangeType exchange, const ChainWriter& chain,
                  Exchange what) {
  auto datagrams = sealed(turn, sa, exchange, sa.next_request, false, chain);
  if (!datagrams) {
    return false;
  }
  put_in_flight(turn, sa, std::move(*datagrams), std::move(what));
  return true;
}

void send_last_words(Turn& turn, IkeSa& sa, const ChainWriter& chain) {
  const auto datagrams =
      sealed(turn, sa, ExchangeType::informational, sa.next_request++, false, chain);
  emit(turn, sa, sa.path, datagrams.value_or(std::vector<Buffer>()));
}

bool repeat_request(Turn& turn, IkeSa& sa) {
  Request& request = *sa.request;
  if (turn.now.boot < request.again_at) {
    return true;
  }
  const Retransmission& how = sa.connection->retransmission;
  if (request.tries >= how.tries) {
    return false;
  }
  ++request.tries;
  request.interval = static_cast<Nanoseconds>(static_cast<double>(request.interval) * how.factor);
  request.again_at = turn.now.boot + request.interval;
  emit(turn, sa, sa.path, request.datagrams);
  return true;
}

void send_response(Turn& turn, IkeSa& sa, ExchangeType exchange, const ChainWriter& chain,
                   const Path& path, const MessageDigest& request) {
  auto datagrams = sealed(turn, sa, exchange, sa.next_expected, true, chain);
  if (!datagrams) {
    // Too long for a peer without fragmentation: it learns that nothing came of it.
    ChainWriter error;
    add(error, Notify{.type = NotifyType::temporary_failure});
    datagrams = sealed(turn, sa, exchange, sa.next_expected, true, error);
  }
  Response response{.id = sa.next_expected++,
                    .request = request,
                    .datagrams = std::move(*datagrams),
                    .path = path,
                    .made_at = turn.now.boot,
                    .sent_at = turn.now.boot};
  for (const ChildSa& child : sa.children) {
    if (child.state == ChildSa::State::installing && !child.initiator) {
      response.waits_for.insert(child.local_spi);
    }
  }
  sa.response = std::move(response);
  sa.request_pieces.clear();
  turn.touch(sa);
  release_response(turn, sa);
}

void send_error_response(Turn& turn, IkeSa& sa, ExchangeType exchange, const Notify& error,
                         const Path& path, const MessageDigest& request) {
  ChainWriter chain;
  add(chain, error);
  send_response(turn, sa, exchange, chain, path, request);
}

void release_response(Turn& turn, IkeSa& sa) {
  if (sa.response && sa.response->waits_for.empty()) {
    sa.response->sent_at = turn.now.boot;
    emit(turn, sa, sa.response->path, sa.response->datagrams);
  }
}

}  // namespace gotthard::ike
