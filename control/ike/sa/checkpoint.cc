#include "control/ike/sa/checkpoint.h"

#include "control/ike/sa/checkpoint_fields.h"
#include "control/ike/sa/child_exchange.h"
#include "control/ike/sa/children.h"
#include "control/ike/sa/engine.h"
#include "control/ike/sa/lifecycle.h"

namespace gotthard::ike {
namespace {

constexpr std::uint64_t kVersion = 1;

std::vector<Buffer> ders_of(const std::vector<crypto::Certificate>& chain) {
  std::vector<Buffer> ders;
  for (const crypto::Certificate& certificate : chain) {
    ders.emplace_back(certificate.der().begin(), certificate.der().end());
  }
  return ders;
}

tl::unexpected<Error> useless(std::string_view why) {
  return fail("The checkpoint of an IKE SA is of no use: {}.", why);
}

}  // namespace

crypto::SecretBytes serialise(const IkeSa& sa) {
  Saver saver;
  walk(saver, kVersion);
  walk(saver, sa.connection->name);
  const std::vector<Buffer> chain = ders_of(sa.remote_chain);
  walk(saver, chain);
  walk(saver, sa);
  return saver.take();
}

Result<std::unique_ptr<IkeSa>> deserialise(const Core& core, Bytes state) {
  Loader loader(state);
  std::uint64_t version = 0;
  std::string name;
  std::vector<Buffer> chain;
  auto sa = std::make_unique<IkeSa>();
  walk(loader, version);
  if (version != kVersion) {
    return useless("another version has written it");
  }
  walk(loader, name);
  walk(loader, chain);
  walk(loader, *sa);
  if (!loader.whole() || sa->number == 0) {
    return useless("it is damaged");
  }
  const auto connection = core.connections.find(name);
  if (connection == core.connections.end()) {
    return useless("its connection is not configured");
  }
  for (const Buffer& der : chain) {
    auto certificate = crypto::Certificate::parse(der);
    if (!certificate) {
      return tl::unexpected(certificate.error());
    }
    sa->remote_chain.push_back(std::move(*certificate));
  }
  sa->connection = connection->second.settings;
  sa->first_path = sa->path;
  sa->next_iv = sa->iv_end;
  sa->kept = true;
  return sa;
}

Result<Actions> Engine::restore(Bytes state, const std::vector<std::uint32_t>& live, Time now) {
  auto restored = deserialise(*core_, state);
  if (!restored) {
    return tl::unexpected(restored.error());
  }
  Turn turn(*core_, now);
  IkeSa& sa = **restored;
  core_->sas[sa.number] = std::move(*restored);
  // What was being installed came through, or is made again.
  for (const std::uint32_t spi : live) {
    on_child_installed(turn, sa, spi);
  }
  if (sa.response) {
    sa.response->waits_for.clear();
  }
  lose_children(turn, sa, live);
  return finish(turn);
}

}  // namespace gotthard::ike
