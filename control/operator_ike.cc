// Connections and certificates of IKE, as they are.
#include <ctime>

#include "control/gateway.h"
#include "control/ike/proposal/keywords.h"
#include "control/ipsec/ike_settings.h"
#include "control/operator.h"
#include "control/operator_values.h"

namespace gotthard::control {
namespace {

using mgmt::json;

// In swanctl's words.
std::string text_of(const ike::IkeSuite& suite) {
  const auto word = [](ike::TransformType type, auto id, std::uint16_t bits = 0) {
    return ike::word_for({.type = type,
                          .id = static_cast<std::uint16_t>(id),
                          .key_length = bits == 0 ? std::nullopt : std::optional(bits)});
  };
  const bool fixed = suite.encryption == ike::EncryptionId::chacha20_poly1305;
  std::string text = word(ike::TransformType::encryption, suite.encryption,
                          fixed ? std::uint16_t{0} : suite.key_bits);
  if (suite.integrity != ike::IntegrityId::none) {
    text += "-" + word(ike::TransformType::integrity, suite.integrity);
  }
  return text + "-" + word(ike::TransformType::prf, suite.prf) + "-" +
         word(ike::TransformType::key_exchange, suite.group);
}

json texts(const ike::TrafficSelectors& selectors) {
  json result = json::array();
  for (const ike::TrafficSelector& selector : selectors.selectors) {
    result.push_back(to_string(selector));
  }
  return result;
}

json show_sa(const ike::SaStatus& sa, Nanoseconds now) {
  json children = json::array();
  for (const ike::ChildStatus& child : sa.children) {
    children.push_back({{"name", child.name},
                        {"state", child.up ? "up" : "changing"},
                        {"in_spi", fmt::format("{:#010x}", child.local_spi)},
                        {"out_spi", fmt::format("{:#010x}", child.remote_spi)},
                        {"mode", child.transport ? "transport" : "tunnel"},
                        {"encapsulation", child.udp ? "udp" : "none"},
                        {"local_ts", texts(child.local_ts)},
                        {"remote_ts", texts(child.remote_ts)},
                        {"rekey_in_seconds", seconds_until(child.rekey_at, now)}});
  }
  const bool known = sa.established_at != 0;
  return {{"state", sa.state},
          {"role", sa.initiator ? "initiator" : "responder"},
          {"initiator_spi", fmt::format("{:016x}", sa.spis.initiator)},
          {"responder_spi", fmt::format("{:016x}", sa.spis.responder)},
          {"local", place(sa.path.local, sa.path.local_port)},
          {"remote", place(sa.path.remote, sa.path.remote_port)},
          {"local_id", known ? json(ike::to_string(sa.local_id)) : json()},
          {"remote_id", known ? json(ike::to_string(sa.remote_id)) : json()},
          {"nat_here", sa.nat_here},
          {"nat_there", sa.nat_there},
          {"suite", known ? json(text_of(sa.suite)) : json()},
          {"established_seconds_ago", seconds_since(sa.established_at, now)},
          {"rekey_in_seconds", seconds_until(sa.rekey_at, now)},
          {"reauthentication_in_seconds", seconds_until(sa.reauth_at, now)},
          {"children", children}};
}

json show_certificate(const std::string& connection, const char* use,
                      const crypto::Certificate& certificate, std::int64_t now) {
  constexpr double kDay = 86400;
  return {{"connection", connection},
          {"use", use},
          {"subject", certificate.subject_text()},
          {"issuer", certificate.issuer_text()},
          {"serial", certificate.serial_text()},
          {"names", certificate.alternative_names()},
          {"not_before", crypto::time_text(certificate.not_before())},
          {"not_after", crypto::time_text(certificate.not_after())},
          {"days_left", static_cast<double>(certificate.not_after() - now) / kDay}};
}

}  // namespace

mgmt::Answer show_connections(const Gateway& gateway) {
  const Nanoseconds now = boottime_now();
  const std::vector<ike::SaStatus> sas = gateway.negotiations().engine().sas();
  json connections = json::array();
  for (const config::Ipsec& ipsec : gateway.config().ipsec) {
    for (const config::Connection& connection : ipsec.connections) {
      const std::string name = connection_name(ipsec, connection);
      json found = json::array();
      bool established = false;
      for (const ike::SaStatus& sa : sas) {
        if (sa.connection == name) {
          found.push_back(show_sa(sa, now));
          established |= sa.established_at != 0 && sa.state != "closing";
        }
      }
      connections.push_back({{"interface", ipsec.name},
                             {"name", connection.name},
                             {"keyed_by", connection.ike ? "ike" : "lab keys"},
                             {"state", !connection.ike  ? "lab"
                                       : established    ? "established"
                                       : !found.empty() ? "connecting"
                                                        : "down"},
                             {"sas", found}});
    }
  }
  return json{{"connections", connections},
              {"half_open", gateway.negotiations().engine().half_open()}};
}

mgmt::Answer show_certificates(const Gateway& gateway) {
  const std::int64_t now = std::time(nullptr);
  json certificates = json::array();
  for (const auto& [name, known] : gateway.negotiations().certificates()) {
    for (std::size_t i = 0; i < known.chain.size(); ++i) {
      certificates.push_back(show_certificate(name, i == 0 ? "own" : "chain", known.chain[i], now));
    }
    for (const crypto::Certificate& anchor : known.authorities) {
      certificates.push_back(show_certificate(name, "authority", anchor, now));
    }
  }
  return json{{"certificates", certificates}};
}

}  // namespace gotthard::control
