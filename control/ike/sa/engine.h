// IKEv2 (RFC 7296): connections, their IKE SAs and children, as initiator and responder. Bytes and
// time in, actions out; one thread (control's) calls it. Nothing here opens a socket or a file.
//
//   engine.configure(settings, now);                         // for each connection
//   on datagrams, and some ten times a second: perform(engine.on_datagram(...)), on_tick(now)
//   InstallChild is answered by on_installed() or on_refused(): only then the peer has its answer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/ike/sa/actions.h"
#include "control/ike/sa/settings.h"
#include "control/ike/sa/types.h"

namespace gotthard::ike {

struct Core;
class Turn;

// For operators: what is there.
struct ChildStatus {
  std::string name;
  std::uint32_t local_spi = 0;
  std::uint32_t remote_spi = 0;
  EspSuite suite;
  bool transport = false;
  bool udp = false;
  bool up = false;  // false: being installed, or about to end
  TrafficSelectors local_ts;
  TrafficSelectors remote_ts;
  Nanoseconds rekey_at = 0;  // 0: never
};

struct SaStatus {
  std::string connection;
  SaNumber number = 0;
  std::string state;  // connecting, half_open, established, replaced, closing
  bool initiator = false;
  Spis spis;
  Path path;
  bool nat_here = false;
  bool nat_there = false;
  IkeSuite suite;
  Identity local_id;
  Identity remote_id;
  Nanoseconds established_at = 0;
  Nanoseconds rekey_at = 0;
  Nanoseconds reauth_at = 0;
  std::vector<ChildStatus> children;
};

struct Diagnosis {
  std::vector<Happened> records;  // the newest last
  Nanoseconds retry_at = 0;       // 0: at once, or not at all
  bool wanted = false;            // something of it should be up and is not
};

class Engine {
 public:
  explicit Engine(Services services, Limits limits = {});
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  ~Engine();

  // ---- connections
  // A new one, or other settings for one that is there: SAs stay, and what is negotiated from now
  // on is as the new settings say. Children that are not there any more end; an SA whose peer's
  // certificate is not good any more ends.
  [[nodiscard]] Actions configure(ConnectionSettings settings, Time now);
  // With its SAs, which say goodbye.
  [[nodiscard]] Actions remove(const std::string& connection, Time now);
  // Of a connection by_name: its names were resolved anew. SAs stay, and so do attempts that were
  // answered; others end, when they are made to where the peer is no more.
  [[nodiscard]] Actions set_remotes(const std::string& connection,
                                    std::vector<abi::Address> remotes, Time now);
  // A name of its has no address; `why` is for people.
  [[nodiscard]] Actions on_name_unresolved(const std::string& connection, const std::string& why,
                                           Time now);

  // ---- the network
  // `marked`: it came to the port of ESP in UDP; its marker of four zero bytes was taken off.
  [[nodiscard]] Actions on_datagram(Bytes datagram, const Path& path, bool marked, Time now);
  // Some ten times a second.
  [[nodiscard]] Actions on_tick(Time now);

  // ---- operators. Nothing happens to what is not there: the result says so.
  // Brings up a child, or with an empty name all of them, or the IKE SA alone where it has none.
  [[nodiscard]] Result<Actions> initiate(const std::string& connection, const std::string& child,
                                         Time now);
  [[nodiscard]] Result<Actions> rekey_ike(const std::string& connection, Time now);
  [[nodiscard]] Result<Actions> reauthenticate(const std::string& connection, Time now);
  [[nodiscard]] Result<Actions> rekey_child(const std::string& connection, const std::string& child,
                                            Time now);
  // It stays down until it is initiated, by whomever. With an empty name the IKE SAs end.
  [[nodiscard]] Result<Actions> terminate(const std::string& connection, const std::string& child,
                                          Time now);

  // ---- the data plane
  // Traffic waits for this child (start_action = trap, or start).
  [[nodiscard]] Actions acquire(const std::string& connection, const std::string& child, Time now);
  // Answers to InstallChild. Unknown SPIs are harmless, here and below.
  [[nodiscard]] Actions on_installed(std::uint32_t local_spi, Time now);
  [[nodiscard]] Actions on_refused(std::uint32_t local_spi, Time now);
  // The first packet of the peer under this SA was opened.
  [[nodiscard]] Actions on_confirmed(std::uint32_t local_spi, Time now);
  // A limit of the SA is reached: soft, it is renewed; hard, it is of no use any more.
  [[nodiscard]] Actions on_aging(std::uint32_t local_spi, bool hard, Time now);
  // The data plane was started anew and has no SA of ours: children are made again over the IKE
  // SAs.
  [[nodiscard]] Actions on_dataplane_lost(Time now);

  // ---- a restart of control: connections first, then each state of a Checkpoint.
  // `live`: local SPIs that the data plane has. What it has not is made again; the caller removes
  // what it has and `has_child` does not know.
  [[nodiscard]] Result<Actions> restore(Bytes state, const std::vector<std::uint32_t>& live,
                                        Time now);
  [[nodiscard]] bool has_child(std::uint32_t local_spi) const;
  // All SPIs that are given out, those of children that are being negotiated too.
  [[nodiscard]] std::vector<std::uint32_t> local_spis() const;

  // ---- for operators
  [[nodiscard]] std::vector<SaStatus> sas() const;
  [[nodiscard]] std::optional<Diagnosis> diagnose(const std::string& connection) const;
  // What strangers have done: of no connection.
  [[nodiscard]] std::vector<Happened> strangers() const;
  [[nodiscard]] std::size_t half_open() const;

 private:
  [[nodiscard]] static Actions finish(Turn& turn);

  std::unique_ptr<Core> core_;
};

}  // namespace gotthard::ike
