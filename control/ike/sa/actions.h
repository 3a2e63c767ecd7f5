// What the engine asks its caller to do, in this order.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "control/ike/keys/derive.h"
#include "control/ike/message/ts_payload.h"
#include "control/ike/proposal/suite.h"
#include "control/ike/sa/diagnosis.h"
#include "control/ike/sa/settings.h"
#include "control/ike/sa/types.h"

namespace gotthard::ike {

// Must be kept before any later action is carried out: what Engine::restore() takes. Replaces what
// was kept for this SA.
struct Checkpoint {
  SaNumber sa = 0;
  crypto::SecretBytes state;
};
struct CheckpointRemove {
  SaNumber sa = 0;
};

// `marked`: from our port of ESP in UDP, four zero bytes before it (RFC 3948, section 2.2), which
// the caller puts there, as it takes them off what it receives.
struct SendDatagram {
  Path path;
  bool marked = false;
  Buffer bytes;
};

// Keepalives of NATs are the data plane's business: of ESP in UDP.
struct InstallChild {
  std::string connection;
  std::string child;
  SaNumber sa = 0;
  std::uint32_t local_spi = 0;  // the peer sends to it
  std::uint32_t remote_spi = 0;
  std::uint32_t replaces = 0;  // local SPI of the one before; 0: none
  EspSuite suite;
  EspKeys send;
  EspKeys receive;
  bool transport = false;
  bool udp = false;
  bool initiator = false;  // of the exchange that made it
  // after_first_inbound: there is another pair to seal with. UseChild may come before that.
  abi::KeyUse use = abi::KeyUse::now;
  Path path;  // of ESP in UDP; else without ports
  TrafficSelectors local_ts;
  TrafficSelectors remote_ts;
  std::uint32_t replay_window = 0;  // 0: the default
  Volume soft;                      // Engine::on_aging() tells of these
  Volume hard;
  Nanoseconds life_time = 0;  // neither seals nor opens when older; 0: no end
};

// Seals with it from now on, if it does not already.
struct UseChild {
  std::uint32_t local_spi = 0;
};

// It neither seals nor opens from now on. The data plane may have dropped it already.
struct RemoveChild {
  std::uint32_t local_spi = 0;
};

// A NAT has given the peer another address or port, and the peer was heard there.
struct PeerMoved {
  std::string connection;
  SaNumber sa = 0;
  Path path;
};

struct IkeUp {
  std::string connection;
  SaNumber sa = 0;
  SaNumber replaces = 0;  // by a rekey; 0: none
  Path path;
  Identity remote_id;
};
// Its children that are not another's by now went before it.
struct IkeDown {
  std::string connection;
  SaNumber sa = 0;
  Cause cause = Cause::closed_here;
};

struct ChildUp {
  std::string connection;
  std::string child;
  std::uint32_t local_spi = 0;
  std::uint32_t replaces = 0;
};
// No SA of the child is left.
struct ChildDown {
  std::string connection;
  std::string child;
  Cause cause = Cause::closed_here;
};

using Action = std::variant<Checkpoint, CheckpointRemove, SendDatagram, InstallChild, UseChild,
                            RemoveChild, PeerMoved, IkeUp, IkeDown, ChildUp, ChildDown, Happened>;
using Actions = std::vector<Action>;

}  // namespace gotthard::ike
