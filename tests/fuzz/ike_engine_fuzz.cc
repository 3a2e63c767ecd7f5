// An engine with an established, a half-open and a connecting SA, and datagrams of anybody: raw
// ones, which change nothing; and ones of a peer that holds the keys and sends what it likes
// inside, in IKE_AUTH, CREATE_CHILD_SA and INFORMATIONAL.
//   first byte: raw, IKE_AUTH of the half-open SA, or an exchange of the established one
//   second byte: the first payload's type; the rest: the datagram, or the chain of payloads inside
#include <memory>
#include <random>

#include "control/ike/keys/protection.h"
#include "control/ike/proposal/proposal_text.h"
#include "control/ike/sa/children.h"
#include "control/ike/sa/connecting.h"
#include "control/ike/sa/core.h"
#include "control/ike/sa/maintenance.h"
#include "control/ike/sa/receive.h"
#include "crypto/init.h"
#include "tests/fuzz/ike.h"

namespace {

using namespace gotthard;
using namespace gotthard::ike;

const abi::Address kLeft{abi::Family::ipv4, {192, 0, 2, 1}};
const abi::Address kRight{abi::Family::ipv4, {192, 0, 2, 2}};

class Side {
 public:
  Side(const abi::Address& own, unsigned seed) : own_(own), random_(seed), core_(services(), {}) {}

  Core& core() { return core_; }
  void configure(const abi::Address& other, const char* own_id, const char* other_id) {
    ConnectionSettings settings{.name = "peer", .remotes = {other}};
    settings.local_auth.id = *parse_identity(own_id);
    settings.remote_auth.id = *IdentityPattern::parse(other_id);
    settings.local_auth.psk = crypto::SecretBytes(16);
    settings.remote_auth.psk = crypto::SecretBytes(16);
    settings.proposals = *parse_proposals({"aes128gcm16-prfsha256-x25519"}, Protocol::ike, false);
    ChildSettings child{.name = "net"};
    child.proposals = *parse_proposals({"aes128gcm16-x25519", "aes128gcm16"}, Protocol::esp, false);
    settings.children.push_back(std::move(child));
    Connection& connection = core_.connections["peer"];
    connection.remotes = settings.remotes;
    connection.children["net"] = {};
    connection.settings = std::make_shared<const ConnectionSettings>(std::move(settings));
  }
  Actions begin() {
    Turn turn(core_, now());
    (void)begin_connecting(turn, core_.connections["peer"], {"net"});
    return turn.finish();
  }
  Actions receive_from(const abi::Address& other, Bytes datagram) {
    Turn turn(core_, now());
    receive(turn, datagram, {own_, 500, other, 500}, false);
    return turn.finish();
  }
  Actions tick() {
    Turn turn(core_, now());
    maintain(turn);
    return turn.finish();
  }
  static Time now() { return {1000 * kSecond, 1'790'000'000 * kSecond}; }

 private:
  Services services() {
    return {.random =
                [this](std::span<std::byte> out) {
                  for (std::byte& byte : out) {
                    byte = static_cast<std::byte>(random_());
                  }
                },
            .allocate_spi = [this] { return std::optional(next_spi_++); },
            .release_spi = [](std::uint32_t) {},
            .source = [this](const abi::Address&) { return std::optional(own_); }};
  }

  abi::Address own_;
  std::mt19937 random_;
  std::uint32_t next_spi_ = 0x1000;
  Core core_;
};

std::vector<Buffer> datagrams(const Actions& actions) {
  std::vector<Buffer> result;
  for (const Action& action : actions) {
    if (const auto* sent = std::get_if<SendDatagram>(&action)) {
      result.push_back(sent->bytes);
    }
  }
  return result;
}

// Left has begun; both go on until nothing is sent, or `steps` datagrams have passed.
void talk(Side& left, Side& right, int steps) {
  std::vector<Buffer> to_right = datagrams(left.begin());
  while (!to_right.empty() && steps-- > 0) {
    std::vector<Buffer> to_left;
    for (const Buffer& datagram : to_right) {
      for (Buffer& answer : datagrams(right.receive_from(kLeft, datagram))) {
        to_left.push_back(std::move(answer));
      }
      for (const auto& [number, sa] : right.core().sas) {
        if (sa->response) {  // there is no data plane that it could wait for
          sa->response->waits_for.clear();
          for (const Buffer& answer : sa->response->datagrams) {
            to_left.push_back(answer);
          }
        }
        for (ChildSa& child : sa->children) {
          child.state = ChildSa::State::up;
        }
      }
    }
    to_right.clear();
    for (const Buffer& datagram : to_left) {
      if (steps-- <= 0) {
        return;
      }
      for (Buffer& answer : datagrams(left.receive_from(kRight, datagram))) {
        to_right.push_back(std::move(answer));
      }
    }
  }
}

// As the peer of one of right's SAs seals it: left has the keys.
std::optional<Buffer> sealed_by_peer(Side& left, ExchangeType exchange, PayloadType first,
                                     Bytes chain) {
  for (const auto& [number, sa] : left.core().sas) {
    Header header{.spi_initiator = sa->spis.initiator,
                  .spi_responder = sa->spis.responder,
                  .next_payload = PayloadType::encrypted,
                  .exchange = exchange,
                  .from_initiator = true,
                  .message_id = sa->handshake ? 1 : sa->next_request};
    const crypto::MessageSuite suite = message_suite(sa->suite);
    Buffer text(chain.begin(), chain.end());
    text.push_back(std::byte{0});
    const std::size_t size = suite.iv_size() + text.size() + suite.icv_size();
    if (size > 0xff00) {
      return std::nullopt;
    }
    Writer writer;
    write(writer, header, sealed_header_size(false) + size);
    write_sealed_header(writer, {.first_inside = first}, size);
    const Buffer iv(suite.iv_size(), std::byte{0x77});
    const Buffer body = crypto::seal_message(suite, sa->our_keys(), iv, writer.buffer(), text);
    writer.bytes(body);
    return writer.take();
  }
  return std::nullopt;
}

void check_bounds(Core& core) {
  fuzz::require(core.sas.size() <= 4);
  for (const auto& [number, sa] : core.sas) {
    fuzz::require(sa->children.size() <= 4 && sa->tasks.size() <= 8);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = crypto::init().has_value();
  if (!ready || size < 2) {
    return 0;
  }
  const unsigned mode = data[0] % 4;
  const auto first = static_cast<PayloadType>(data[1]);
  const Bytes input = fuzz::view(data + 2, size - 2);
  Side left(kLeft, 1);
  Side right(kRight, 2);
  left.configure(kRight, "left.example", "right.example");
  right.configure(kLeft, "right.example", "left.example");
  talk(left, right, mode == 1 ? 2 : 100);
  const std::size_t before = right.core().sas.size();
  fuzz::require(before == 1);
  if (mode == 0) {
    (void)right.begin();  // and one that connects
    for (const Action& action : right.receive_from(kLeft, input)) {
      fuzz::require(!std::holds_alternative<InstallChild>(action) &&
                    !std::holds_alternative<RemoveChild>(action) &&
                    !std::holds_alternative<IkeUp>(action) &&
                    !std::holds_alternative<IkeDown>(action));
    }
  } else {
    const ExchangeType exchange = mode == 1   ? ExchangeType::ike_auth
                                  : mode == 2 ? ExchangeType::create_child_sa
                                              : ExchangeType::informational;
    if (const auto datagram = sealed_by_peer(left, exchange, first, input)) {
      const Actions actions = right.receive_from(kLeft, *datagram);
      fuzz::require(actions.size() <= 64);
    }
  }
  check_bounds(right.core());
  (void)right.tick();
  check_bounds(right.core());
  return 0;
}
