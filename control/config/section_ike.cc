// What connections and children of [[ipsec]] say of IKE, in swanctl's words.
#include "control/config/sections.h"
#include "control/ike/auth/auth_data.h"
#include "control/ike/identity/identity.h"

namespace gotthard::config {
namespace {

// What IKE's keys have said; the others' keys are read elsewhere.
class Said {
 public:
  Said(TableReader* reader, const std::filesystem::path& base) : reader_(reader), base_(base) {}

  // Absolute; one name, or a list of them.
  std::vector<std::string> files(const std::string& key) {
    std::vector<std::string> result;
    if (reader_->is_array(key)) {
      for (const Located<std::string>& file : reader_->texts(key)) {
        result.push_back(absolute(file.value));
      }
    } else if (const auto file = reader_->text(key)) {
      result.push_back(absolute(file->value));
    }
    anything_ |= reader_->has(key);
    return result;
  }
  std::string file(const std::string& key) {
    const auto file = reader_->text(key);
    anything_ |= file.has_value();
    return file ? absolute(file->value) : std::string();
  }
  void note(bool said) { anything_ |= said; }
  [[nodiscard]] bool anything() const { return anything_; }

 private:
  [[nodiscard]] std::string absolute(const std::string& file) const {
    return (base_ / file).lexically_normal().string();
  }

  TableReader* reader_;
  const std::filesystem::path& base_;
  bool anything_ = false;
};

// "psk", "cert", swanctl's "pubkey"; of our own end also how it signs.
void read_auth(TableReader& reader, bool may_have_scheme, bool has_certificates, IkeEnd* end) {
  const auto text = reader.text("auth");
  if (!text) {
    end->auth = has_certificates ? IkeAuth::certificate : IkeAuth::psk;
    return;
  }
  end->auth = text->value == "psk" ? IkeAuth::psk : IkeAuth::certificate;
  if (text->value == "psk" || text->value == "cert" || text->value == "pubkey") {
    return;
  }
  if (may_have_scheme && ike::parse_scheme(text->value)) {
    end->scheme = text->value;
    return;
  }
  reader.report(
      text->line,
      fmt::format("'{}' is no way to authenticate: write \"psk\" or \"cert\"{}", text->value,
                  may_have_scheme ? ", or how to sign: \"rsa/pss-sha256\", "
                                    "\"ecdsa-sha256\", \"ed25519\""
                                  : ""));
}

template <typename T>
void read_id(TableReader& reader, Result<T> (*parse)(std::string_view), IkeEnd* end) {
  if (const auto text = reader.text("id")) {
    end->id = text->value;
    (void)parse_at<T>(reader, "id", *text, parse);
  }
}

ChildAction read_action(TableReader& reader, const std::string& key, bool* said,
                        const std::vector<std::string>& words) {
  const auto index = reader.choice(key, words);
  *said |= index.has_value();
  return index ? static_cast<ChildAction>(*index) : ChildAction::none;
}

}  // namespace

bool read_ike_local(TableReader& reader, const std::filesystem::path& base, IkeEnd* end) {
  Said said(&reader, base);
  end->psk_file = said.file("psk_file");
  end->cert_files = said.files("cert_file");
  end->key_file = said.file("key_file");
  read_auth(reader, true, !end->cert_files.empty(), end);
  read_id(reader, ike::parse_identity, end);
  return said.anything() || reader.has("auth") || reader.has("id");
}

bool read_ike_remote(TableReader& reader, const std::filesystem::path& base, IkeEnd* end) {
  Said said(&reader, base);
  end->psk_file = said.file("psk_file");
  end->ca_files = said.files("ca_files");
  end->crl_files = said.files("crl_files");
  if (const auto how = reader.choice("revocation", {"relaxed", "strict"})) {
    end->strict_revocation = *how == 1;
    said.note(true);
  }
  read_auth(reader, false, !end->ca_files.empty(), end);
  read_id(reader, ike::IdentityPattern::parse, end);
  return said.anything() || reader.has("auth") || reader.has("id");
}

bool read_ike(TableReader& reader, Ike* ike) {
  bool said = false;
  const auto time = [&](const std::string& key, std::uint64_t* seconds) {
    const auto given = reader.seconds(key);
    said |= given.has_value();
    *seconds = given.value_or(*seconds);
  };
  said |= reader.has("proposals");
  for (const Located<std::string>& text : reader.texts("proposals")) {
    ike->proposals.push_back(text.value);
  }
  time("rekey_time", &ike->rekey_time);
  ike->over_time = ike->rekey_time / 10;
  time("over_time", &ike->over_time);
  time("reauth_time", &ike->reauth_time);
  time("dpd_delay", &ike->dpd_delay);
  if (const auto fragmentation = reader.flag("fragmentation")) {
    ike->fragmentation = *fragmentation;
    said = true;
  }
  if (const auto unique = reader.choice("unique", {"never", "no", "keep", "replace"})) {
    ike->unique = static_cast<Unique>(*unique);
    said = true;
  }
  return said;
}

bool read_ike_child(TableReader& reader, Child* child) {
  bool said = reader.has("esp_proposals");
  for (const Located<std::string>& text : reader.texts("esp_proposals")) {
    child->esp_proposals.push_back(text.value);
  }
  if (const auto time = reader.seconds("rekey_time")) {
    child->rekey.seconds = *time;
    said = true;
  }
  const auto amount = [&](const std::string& key, std::int64_t least) -> std::uint64_t {
    const auto value = reader.number(key, least, INT64_MAX);
    said |= value.has_value();
    return value ? static_cast<std::uint64_t>(value->value) : 0;
  };
  child->rekey.bytes = amount("rekey_bytes", 65536);
  child->rekey.packets = amount("rekey_packets", 64);
  child->start_action = read_action(reader, "start_action", &said, {"none", "trap", "start"});
  child->close_action = read_action(reader, "close_action", &said, {"none", "trap", "start"});
  child->dpd_action = read_action(reader, "dpd_action", &said, {"clear", "trap", "restart"});
  return said;
}

}  // namespace gotthard::config
