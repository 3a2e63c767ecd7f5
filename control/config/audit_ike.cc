#include "control/config/audit_ike.h"

namespace gotthard::config {
namespace {

constexpr std::int64_t kDay = 86400;

class Audit {
 public:
  Audit(const std::string& name, const Connection& connection, const IkeCredentials& credentials,
        std::int64_t now)
      : name_(name), connection_(connection), credentials_(credentials), now_(now) {}

  std::vector<std::string> findings() {
    own_certificate();
    authorities();
    secrets();
    lifetimes();
    if (connection_.allow_legacy) {
      say("allow_legacy = true: AES-CBC is for peers that have nothing else");
    }
    return std::move(findings_);
  }

 private:
  void say(const std::string& what) { findings_.push_back(fmt::format("{}: {}", name_, what)); }

  void validity(const crypto::Certificate& certificate, const std::string& whose) {
    constexpr std::int64_t kSoon = 30 * kDay;
    if (certificate.not_after() < now_ || certificate.not_before() > now_) {
      say(fmt::format("{} is valid from {} to {} only: get another", whose,
                      crypto::time_text(certificate.not_before()),
                      crypto::time_text(certificate.not_after())));
    } else if (certificate.not_after() < now_ + kSoon) {
      say(fmt::format("{} ends {}: get another, then `gotthard reload`", whose,
                      crypto::time_text(certificate.not_after())));
    }
  }

  void own_certificate() {
    if (credentials_.chain.empty()) {
      return;
    }
    const crypto::Certificate& own = credentials_.chain.front();
    validity(own, "our certificate");
    if (!own.may_authenticate()) {
      say("our certificate's keyUsage is not for signing: peers may refuse it");
    }
    if (!ike::covers(own, *credentials_.local_id)) {
      say(fmt::format("our certificate does not name {}, which is our id: peers will refuse it",
                      ike::to_string(*credentials_.local_id)));
    }
  }

  void authorities() {
    if (!credentials_.trust) {
      return;
    }
    for (const crypto::Certificate& anchor : credentials_.trust->anchors()) {
      validity(anchor, fmt::format("the authority {}", anchor.subject_text()));
    }
    if (credentials_.remote_id.specificity() == 0) {
      say("whoever has a certificate of its ca_files is let in: write id in remote");
    }
  }

  void secrets() {
    constexpr std::size_t kShort = 16;
    for (const crypto::SecretBytes* psk : {&credentials_.local_psk, &credentials_.remote_psk}) {
      if (!psk->empty() && psk->size() < kShort) {
        say(
            fmt::format("its preshared key has {} bytes, and can be guessed by whoever answers us "
                        "once: write `openssl rand -base64 32`",
                        psk->size()));
        return;
      }
    }
  }

  void lifetimes() {
    const auto check = [&](std::uint64_t seconds, const std::string& whose) {
      if (seconds == 0) {
        say(fmt::format("{} are never renewed (rekey_time = 0): write \"4h\" or less", whose));
      } else if (seconds > kDay) {
        say(fmt::format("{} are used for {} h: write a rekey_time of a day at the most", whose,
                        seconds / 3600));
      }
    };
    check(connection_.ike->rekey_time, "its IKE keys");
    for (const Child& child : connection_.children) {
      check(child.rekey.seconds, fmt::format("the keys of '{}'", child.name));
    }
  }

  const std::string& name_;
  const Connection& connection_;
  const IkeCredentials& credentials_;
  std::int64_t now_;
  std::vector<std::string> findings_;
};

}  // namespace

std::vector<std::string> audit_ike(const std::string& name, const Connection& connection,
                                   const IkeCredentials& credentials, std::int64_t now) {
  return Audit(name, connection, credentials, now).findings();
}

std::vector<std::string> audit_ike(const Config& config, std::int64_t now) {
  std::vector<std::string> all;
  for (const Ipsec& ipsec : config.ipsec) {
    for (const Connection& connection : ipsec.connections) {
      const auto credentials =
          connection.ike ? load_ike_credentials(connection) : Result<IkeCredentials>(fail("none"));
      if (credentials) {
        const auto found =
            audit_ike(ipsec.name + "/" + connection.name, connection, *credentials, now);
        all.insert(all.end(), found.begin(), found.end());
      }
    }
  }
  return all;
}

}  // namespace gotthard::config
