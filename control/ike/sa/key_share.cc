#include "control/ike/sa/key_share.h"

#include <algorithm>

#include "control/ike/proposal/selection.h"

namespace gotthard::ike {

KeyShare make_share(Turn& turn, GroupId group) {
  const auto dh = dh_group_of(group);
  if (!dh) {
    return {};
  }
  return {group, crypto::dh_private(*dh, turn.core.services.random)};
}

void add_key_exchange(ChainWriter& chain, const KeyShare& share) {
  if (const auto dh = dh_group_of(share.group)) {
    const Buffer value = crypto::dh_public(*dh, share.secret);
    add(chain, KeyExchange{share.group, value});
  }
}

std::optional<crypto::SecretBytes> shared_secret(const KeyShare& share, const KeyExchange& theirs) {
  const auto dh = dh_group_of(share.group);
  if (!dh || theirs.group != share.group) {
    return std::nullopt;
  }
  return crypto::dh_secret(*dh, share.secret, theirs.data);
}

GroupId group_for(const std::vector<Proposal>& proposals, GroupId preferred) {
  const auto groups = groups_of(proposals);
  if (std::ranges::find(groups, preferred) != groups.end()) {
    return preferred;
  }
  const auto found =
      std::ranges::find_if(groups, [](GroupId group) { return group != GroupId::none; });
  return found == groups.end() ? GroupId::none : *found;
}

std::optional<GroupId> other_group(const Notify& notify, const std::vector<Proposal>& proposals,
                                   GroupId refused) {
  Reader reader(notify.data);
  const auto group = static_cast<GroupId>(reader.u16());
  const auto groups = groups_of(proposals);
  const bool ours = std::ranges::find(groups, group) != groups.end();
  if (!reader.ok() || !ours || group == refused || !dh_group_of(group)) {
    return std::nullopt;
  }
  return group;
}

Buffer group_data(GroupId group) {
  Writer writer;
  writer.u16(static_cast<std::uint16_t>(group));
  return writer.take();
}

Buffer lower_nonce(Bytes a, Bytes b) {
  const bool first = std::ranges::lexicographical_compare(a, b);
  return first ? Buffer(a.begin(), a.end()) : Buffer(b.begin(), b.end());
}

}  // namespace gotthard::ike
