#include "control/ike/sa/peers.h"

#include <algorithm>
#include <tuple>

#include "control/ike/proposal/selection.h"

namespace gotthard::ike {
namespace {

bool fits(const Connection& connection, const Path& path) {
  const auto& local = connection.settings->local;
  const auto& remotes = connection.remotes;
  return (!local || *local == path.local) &&
         (connection.settings->anywhere() ||
          std::ranges::find(remotes, path.remote) != remotes.end());
}

// An SA's suite, as the one proposal that was chosen.
bool agrees(const ConnectionSettings& connection, const IkeSuite& suite) {
  return std::ranges::any_of(connection.proposals, [&](const Proposal& proposal) {
    Proposal chosen{.number = proposal.number, .protocol = Protocol::ike};
    const auto add_transform = [&](TransformType type, std::uint16_t id) {
      chosen.transforms.push_back({.type = type, .id = id});
    };
    add_transform(TransformType::encryption, static_cast<std::uint16_t>(suite.encryption));
    if (suite.encryption != EncryptionId::chacha20_poly1305) {
      chosen.transforms.back().key_length = suite.key_bits;
    }
    if (suite.integrity != IntegrityId::none) {
      add_transform(TransformType::integrity, static_cast<std::uint16_t>(suite.integrity));
    }
    add_transform(TransformType::prf, static_cast<std::uint16_t>(suite.prf));
    add_transform(TransformType::key_exchange, static_cast<std::uint16_t>(suite.group));
    return choose({proposal}, {{chosen}}, KeyExchangeOf::proposal).has_value();
  });
}

int address_specificity(const ConnectionSettings& connection) {
  return (connection.local ? 1 : 0) + (connection.anywhere() ? 0 : 2);
}

// The configuration's order, which is that of names, decides between equals.
template <typename Rank>
void sort_by(std::vector<ConnectionPtr>& connections, Rank&& rank) {
  std::ranges::stable_sort(connections, [&](const ConnectionPtr& a, const ConnectionPtr& b) {
    return rank(*a) > rank(*b);
  });
}

}  // namespace

std::vector<ConnectionPtr> connections_for(const Core& core, const Path& path) {
  std::vector<ConnectionPtr> result;
  for (const auto& [name, connection] : core.connections) {
    if (fits(connection, path)) {
      result.push_back(connection.settings);
    }
  }
  sort_by(result, address_specificity);
  return result;
}

std::vector<ConnectionPtr> connections_for(const Core& core, const IkeSa& sa,
                                           const Identity& remote, const Identity* local) {
  std::vector<ConnectionPtr> result = connections_for(core, sa.path);
  std::erase_if(result, [&](const ConnectionPtr& connection) {
    return !connection->remote_auth.id.matches(remote) ||
           (local != nullptr && !IdentityPattern(connection->local_auth.id).matches(*local)) ||
           !agrees(*connection, sa.suite);
  });
  sort_by(result, [](const ConnectionSettings& connection) {
    return std::tuple(connection.remote_auth.id.specificity(), address_specificity(connection));
  });
  return result;
}

Authorities authorities_of(const RemoteAuth& auth) {
  Authorities result;
  if (auth.kind == AuthKind::certificate) {
    for (const crypto::Certificate& anchor : auth.trust->anchors()) {
      if (anchor.is_authority()) {
        result.push_back(anchor.key_hash());
      }
    }
  }
  return result;
}

Authorities authorities_for(const Core& core, const Path& path) {
  Authorities result;
  for (const ConnectionPtr& connection : connections_for(core, path)) {
    for (const auto& hash : authorities_of(connection->remote_auth)) {
      if (std::ranges::find(result, hash) == result.end() &&
          result.size() < CertificateRequest::kMaxAuthorities) {
        result.push_back(hash);
      }
    }
  }
  return result;
}

void add_certificate_request(ChainWriter& chain, const Authorities& authorities) {
  if (authorities.empty()) {
    return;
  }
  CertificateRequest request;
  for (const auto& hash : authorities) {
    request.authorities.push_back(std::as_bytes(std::span(hash)));
  }
  add(chain, request);
}

}  // namespace gotthard::ike
