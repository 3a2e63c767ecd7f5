#include "control/reload/ipsec_difference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>

#include "control/config/ike_credentials.h"
#include "crypto/secret.h"

namespace gotthard::control {
namespace {

std::string spis_of(const config::LabKeys& keys) {
  return fmt::format("{:#x} in, {:#x} out", keys.in_spi, keys.out_spi);
}

std::string text(const std::vector<std::string>& words) {
  return words.empty() ? "default" : fmt::format("{}", fmt::join(words, " "));
}

class Comparison {
 public:
  Comparison(const IpsecVersion& from, const IpsecVersion& to)
      : from_(from), to_(to), rest_(to.ipsec) {}

  std::vector<Difference> found() {
    const std::size_t count =
        std::min(from_.ipsec.connections.size(), to_.ipsec.connections.size());
    for (std::size_t n = 0; n < count; ++n) {
      connection(from_.ipsec.connections[n], to_.ipsec.connections[n], &rest_.connections[n]);
    }
    // Which connections and children there are, and between which addresses, is not changed live.
    if (rest_ != from_.ipsec) {
      return {{from_.ipsec.name, "", "", "changed", false}};
    }
    return std::move(found_);
  }

 private:
  void note(const std::string& where, const char* key, std::string before, std::string after) {
    found_.push_back({where, key, std::move(before), std::move(after), true});
  }

  // What is the same in `rest` afterwards can be changed live.
  void connection(const config::Connection& had, const config::Connection& has,
                  config::Connection* rest) {
    const std::string where = from_.ipsec.name + "/" + has.name;
    if (had.ike && has.ike) {
      ike(where, *had.ike, *has.ike);
      rest->ike = had.ike;
      if (files_differ(had, has)) {
        note(where, "files", "", "another secret, certificate, authority or revocation list");
      }
    }
    for (std::size_t k = 0; k < std::min(had.children.size(), has.children.size()); ++k) {
      child(where + "/" + has.children[k].name, had.children[k], has.children[k],
            &rest->children[k]);
    }
  }

  void ike(const std::string& where, const config::Ike& had, const config::Ike& has) {
    if (had.local != has.local) {
      note(where, "local", "", "changed");
    }
    if (had.remote != has.remote) {
      note(where, "remote", "", "changed");
    }
    if (had.proposals != has.proposals) {
      note(where, "proposals", text(had.proposals), text(has.proposals));
    }
    const auto number = [&](const char* key, std::uint64_t before, std::uint64_t after) {
      if (before != after) {
        note(where, key, std::to_string(before), std::to_string(after));
      }
    };
    number("rekey_time", had.rekey_time, has.rekey_time);
    number("over_time", had.over_time, has.over_time);
    number("reauth_time", had.reauth_time, has.reauth_time);
    number("dpd_delay", had.dpd_delay, has.dpd_delay);
    number("fragmentation", had.fragmentation ? 1 : 0, has.fragmentation ? 1 : 0);
    if (had.unique != has.unique) {
      note(where, "unique", "", "changed");
    }
  }

  void child(const std::string& where, const config::Child& had, const config::Child& has,
             config::Child* rest) {
    if (had.esp_proposals != has.esp_proposals) {
      note(where, "esp_proposals", text(had.esp_proposals), text(has.esp_proposals));
      rest->esp_proposals = had.esp_proposals;
    }
    if (had.rekey != has.rekey || (had.lab_keys.empty() && had.life != has.life)) {
      note(where, "lifetimes", "", "changed");
      rest->rekey = had.rekey;
      rest->life = had.life;
    }
    if (had.start_action != has.start_action || had.close_action != has.close_action ||
        had.dpd_action != has.dpd_action) {
      note(where, "actions", "", "changed");
      rest->start_action = had.start_action;
      rest->close_action = had.close_action;
      rest->dpd_action = had.dpd_action;
    }
    lab_keys(where, had.lab_keys, has.lab_keys, rest);
  }

  // New ones have SPIs of their own, so that those of before are heard until nobody uses them any
  // more.
  void lab_keys(const std::string& where, const std::vector<config::LabKeys>& before,
                const std::vector<config::LabKeys>& after, config::Child* rest) {
    for (std::size_t p = 0; before.size() == after.size() && p < before.size(); ++p) {
      if (before[p] != after[p] && before[p].in_spi != after[p].in_spi) {
        note(where, "lab_keys", spis_of(before[p]), spis_of(after[p]));
        rest->lab_keys[p] = before[p];
      }
    }
  }

  [[nodiscard]] bool files_differ(const config::Connection& had,
                                  const config::Connection& has) const {
    const auto names = config::ike_files(has);
    return std::ranges::any_of(names,
                               [&](const config::IkeFile& file) {
                                 const auto before = from_.files.find(file.path);
                                 const auto after = to_.files.find(file.path);
                                 return before != from_.files.end() && after != to_.files.end() &&
                                        !crypto::equal(before->second.bytes(),
                                                       after->second.bytes());
                               }) &&
           had.name == has.name;
  }

  const IpsecVersion& from_;
  const IpsecVersion& to_;
  config::Ipsec rest_;
  std::vector<Difference> found_;
};

}  // namespace

std::vector<Difference> ipsec_differences(const IpsecVersion& from, const IpsecVersion& to) {
  return Comparison(from, to).found();
}

}  // namespace gotthard::control
