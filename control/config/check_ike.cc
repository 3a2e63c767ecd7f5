// What a connection says of IKE must go together; and what the SAs of its children may be.
#include <algorithm>

#include "control/config/sections.h"
#include "control/ike/proposal/proposal_text.h"

namespace gotthard::config {
namespace {

void check_ends(const Connection& connection, std::size_t line, ReadContext* context) {
  const IkeEnd& local = connection.ike->local;
  const IkeEnd& remote = connection.ike->remote;
  const auto refuse = [&](const std::string& message) {
    context->report(line, fmt::format("'{}' {}", connection.name, message));
  };
  const bool some_psk = !local.psk_file.empty() || !remote.psk_file.empty();
  const bool by_psk = local.auth == IkeAuth::psk || remote.auth == IkeAuth::psk;
  if (by_psk && !some_psk) {
    refuse(
        "says of nobody how to authenticate: write psk_file in local and remote, or cert_file "
        "and key_file in local and ca_files in remote (or lab = true, for tests)");
  }
  if (local.auth == IkeAuth::psk && local.id.empty() && !connection.local) {
    refuse(
        "does not say who we are: write id = \"a.example\" in local, or address, which is our "
        "id then");
  }
  if (local.auth == IkeAuth::certificate && (local.cert_files.empty() || local.key_file.empty())) {
    refuse("shows a certificate: write cert_file and key_file in local");
  }
  if (local.auth == IkeAuth::psk && (!local.cert_files.empty() || !local.key_file.empty())) {
    refuse(
        "has a certificate of its own, and auth = \"psk\" in local: write auth = \"cert\", or "
        "leave out cert_file and key_file");
  }
  if (remote.auth == IkeAuth::certificate && remote.ca_files.empty()) {
    refuse("is shown a certificate: write ca_files in remote, which say whom to trust");
  }
  if (remote.auth == IkeAuth::psk && (!remote.ca_files.empty() || !remote.crl_files.empty())) {
    refuse(
        "has ca_files or crl_files, and auth = \"psk\" in remote: write auth = \"cert\", or "
        "leave them out");
  }
  // Else any certificate of these authorities would do.
  if (remote.auth == IkeAuth::certificate && remote.id.empty()) {
    refuse(
        "does not say whose certificate the peer has: write id = \"b.example\" in remote "
        "(\"any\" for each that ca_files have signed)");
  }
}

void check_proposals(const std::vector<std::string>& texts, ike::Protocol protocol,
                     bool allow_legacy, const std::string& what, std::size_t line,
                     ReadContext* context) {
  if (const auto parsed = ike::parse_proposals(texts, protocol, allow_legacy); !parsed) {
    context->report(line, fmt::format("{}: {}", what, parsed.error().message));
  }
}

}  // namespace

bool speaks_ike(const Ipsec& ipsec) {
  return std::ranges::any_of(
      ipsec.connections, [](const Connection& connection) { return connection.ike.has_value(); });
}

void check_ike(const Connection& connection, std::size_t line, ReadContext* context) {
  check_ends(connection, line, context);
  check_proposals(connection.ike->proposals, ike::Protocol::ike, connection.allow_legacy,
                  fmt::format("'{}' proposals", connection.name), line, context);
  for (const Child& child : connection.children) {
    check_proposals(child.esp_proposals, ike::Protocol::esp, connection.allow_legacy,
                    fmt::format("'{}/{}' esp_proposals", connection.name, child.name), line,
                    context);
    if (child.life.seconds != 0 && child.life.seconds <= child.rekey.seconds) {
      context->report(line, fmt::format("'{}/{}' ends (life_time) before it is renewed "
                                        "(rekey_time): write a longer life_time",
                                        connection.name, child.name));
    }
  }
}

}  // namespace gotthard::config
