#include "control/ike/proposal/proposal_text.h"

#include <algorithm>
#include <array>

#include "control/ike/proposal/keywords.h"
#include "control/ike/proposal/suite.h"

namespace gotthard::ike {
namespace {

constexpr std::array kTypes = {TransformType::encryption, TransformType::integrity,
                               TransformType::prf, TransformType::key_exchange,
                               TransformType::extended_sequence_numbers};

bool has(const Proposal& proposal, TransformType type) {
  return std::ranges::find(proposal.transforms, type, &Transform::type) !=
         proposal.transforms.end();
}

std::string_view written(Protocol protocol) {
  return protocol == Protocol::ike ? "proposals" : "esp_proposals";
}

Status add_word(Proposal& proposal, std::string_view word, bool allow_legacy) {
  const Keyword* keyword = find_keyword(word);
  if (keyword == nullptr) {
    return fail(
        "'{}' is no algorithm; write words such as aes256gcm16, prfsha384, x25519 or ecp384", word);
  }
  switch (keyword->standing) {
    case Standing::weak:
      return fail("'{}' is too weak to be used; take aes256gcm16, prfsha384, x25519 or ecp384",
                  word);
    case Standing::unsupported:
      return fail("'{}' is not supported; take aes256gcm16, prfsha384, x25519 or ecp384", word);
    case Standing::legacy:
      if (!allow_legacy) {
        return fail(
            "'{}' (CBC) is for old peers only: take aes256gcm16 or chacha20poly1305, or set "
            "allow_legacy = true",
            word);
      }
      break;
    case Standing::good:
      break;
  }
  Transform transform{.type = keyword->type, .id = keyword->id};
  if (keyword->key_bits != 0) {
    transform.key_length = keyword->key_bits;
  }
  const bool gmac = keyword->type == TransformType::encryption &&
                    keyword->id == static_cast<std::uint16_t>(EncryptionId::aes_gmac);
  const bool esp_only = gmac || keyword->type == TransformType::extended_sequence_numbers;
  const bool ike_only = keyword->type == TransformType::prf;
  if (proposal.protocol == Protocol::ike ? esp_only : ike_only) {
    return fail("'{}' does not belong into {}; leave it out", word, written(proposal.protocol));
  }
  if (std::ranges::find(proposal.transforms, transform) == proposal.transforms.end()) {
    proposal.transforms.push_back(transform);
  }
  return {};
}

// strongSwan lets a CBC proposal do without a PRF: that of its integrity algorithm.
void add_prfs(Proposal& proposal) {
  std::vector<Transform> prfs;
  for (const Transform& transform : proposal.transforms) {
    if (transform.type != TransformType::integrity) {
      continue;
    }
    for (const PrfId id : {PrfId::hmac_sha2_256, PrfId::hmac_sha2_384, PrfId::hmac_sha2_512}) {
      if (prf_of(id) == digest_of(static_cast<IntegrityId>(transform.id))) {
        prfs.push_back({.type = TransformType::prf, .id = static_cast<std::uint16_t>(id)});
      }
    }
  }
  proposal.transforms.insert(proposal.transforms.end(), prfs.begin(), prfs.end());
}

Status complete(Proposal& proposal) {
  std::size_t aead = 0;
  std::size_t encryption = 0;
  for (const Transform& transform : proposal.transforms) {
    if (transform.type == TransformType::encryption) {
      ++encryption;
      aead += is_aead(static_cast<EncryptionId>(transform.id)) ? 1 : 0;
    }
  }
  const bool integrity = has(proposal, TransformType::integrity);
  if (encryption == 0) {
    return fail("an encryption algorithm is missing; put aes256gcm16 in front");
  }
  if (aead != 0 && aead != encryption) {
    return fail(
        "GCM, ChaCha20 and CBC need proposals of their own: GCM and ChaCha20 in one, CBC in "
        "another");
  }
  if (aead == 0 && !integrity) {
    return fail("CBC needs an integrity algorithm; add sha256");
  }
  if (aead != 0 && integrity) {
    return fail(
        "GCM and ChaCha20 check integrity themselves: leave sha256, sha384 and sha512 out (a PRF "
        "is "
        "prfsha256)");
  }
  if (proposal.protocol == Protocol::esp) {
    if (!has(proposal, TransformType::extended_sequence_numbers)) {
      proposal.transforms.push_back({.type = TransformType::extended_sequence_numbers,
                                     .id = static_cast<std::uint16_t>(EsnId::no)});
    }
    return {};
  }
  if (!has(proposal, TransformType::prf)) {
    add_prfs(proposal);
  }
  if (!has(proposal, TransformType::prf)) {
    return fail("a PRF is missing; add prfsha256 or prfsha384");
  }
  const Transform no_group{.type = TransformType::key_exchange,
                           .id = static_cast<std::uint16_t>(GroupId::none)};
  if (!has(proposal, TransformType::key_exchange) ||
      std::ranges::find(proposal.transforms, no_group) != proposal.transforms.end()) {
    return fail("a key exchange is missing; add x25519 or ecp384");
  }
  return {};
}

// Kinds together, so that a proposal on the wire reads as any other implementation's.
void sort_by_kind(Proposal& proposal) {
  std::ranges::stable_sort(proposal.transforms, {}, [](const Transform& transform) {
    return std::ranges::find(kTypes, transform.type) - kTypes.begin();
  });
}

}  // namespace

Result<Proposal> parse_proposal(std::string_view text, Protocol protocol, bool allow_legacy) {
  Proposal proposal{.protocol = protocol};
  const auto refused = [&](const Error& error) {
    return fail("proposal '{}': {}", text, error.message);
  };
  for (std::string_view rest = text;;) {
    const std::size_t end = rest.find('-');
    if (const Status added = add_word(proposal, rest.substr(0, end), allow_legacy); !added) {
      return refused(added.error());
    }
    if (end == std::string_view::npos) {
      break;
    }
    rest.remove_prefix(end + 1);
  }
  if (const Status whole = complete(proposal); !whole) {
    return refused(whole.error());
  }
  sort_by_kind(proposal);
  if (proposal.transforms.size() > kMaxTransforms) {
    return fail("proposal '{}': has too many algorithms; leave some out", text);
  }
  return proposal;
}

Result<std::vector<Proposal>> parse_proposals(const std::vector<std::string>& texts,
                                              Protocol protocol, bool allow_legacy) {
  std::vector<Proposal> proposals;
  for (const std::string& text : texts) {
    if (text == "default") {
      const auto defaults = default_proposals(protocol);
      proposals.insert(proposals.end(), defaults.begin(), defaults.end());
      continue;
    }
    auto parsed = parse_proposal(text, protocol, allow_legacy);
    if (!parsed) {
      return tl::unexpected(parsed.error());
    }
    proposals.push_back(std::move(*parsed));
  }
  if (proposals.empty()) {
    proposals = default_proposals(protocol);
  }
  if (proposals.size() > kMaxProposals) {
    return fail("{} has more than {} entries; leave some out", written(protocol), kMaxProposals);
  }
  std::uint8_t number = 0;
  for (Proposal& proposal : proposals) {
    proposal.number = ++number;
  }
  return proposals;
}

std::vector<Proposal> default_proposals(Protocol protocol) {
  constexpr std::string_view kIke =
      "aes256gcm16-aes128gcm16-chacha20poly1305-prfsha384-prfsha256-prfsha512-"
      "x25519-ecp384-ecp256-x448-ecp521-modp3072-modp4096-modp2048";
  constexpr std::string_view kEsp = "aes256gcm16-aes128gcm16-chacha20poly1305-esn-noesn";
  return {*parse_proposal(protocol == Protocol::ike ? kIke : kEsp, protocol, false)};
}

std::string to_string(const Proposal& proposal) {
  std::string text;
  for (const Transform& transform : proposal.transforms) {
    text += (text.empty() ? "" : "-") + word_for(transform);
  }
  return text;
}

std::string to_string(const std::vector<Proposal>& proposals) {
  std::string text;
  for (const Proposal& proposal : proposals) {
    text += (text.empty() ? "" : ", ") + to_string(proposal);
  }
  return text;
}

}  // namespace gotthard::ike
