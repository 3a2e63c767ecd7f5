// What the files of a connection hold that IKE makes: shared keys, certificates, whom to trust.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "control/config/config.h"
#include "control/ike/identity/identity.h"
#include "crypto/certificate.h"
#include "crypto/secret_bytes.h"
#include "crypto/signature.h"
#include "crypto/trust_store.h"

namespace gotthard::config {

struct IkeFile {
  std::string path;
  bool secret = false;  // nobody but its owner may read it
};
// Of a connection; none twice. Empty without IKE.
[[nodiscard]] std::vector<IkeFile> ike_files(const Connection& connection);

// Opens one for reading. Refuses a secret that others may read.
Result<UniqueFd> open_ike_file(const IkeFile& file);
// All of an open file, from its start (the offset stays). `path` is for messages.
Result<crypto::SecretBytes> read_ike_file(int fd, const std::string& path);

struct IkeCredentials {
  // As configured, else the certificate's subject; none: our address.
  std::optional<ike::Identity> local_id;
  ike::IdentityPattern remote_id;
  crypto::SecretBytes local_psk;           // empty where a certificate is shown
  crypto::SecretBytes remote_psk;          // likewise
  std::vector<crypto::Certificate> chain;  // our own first
  std::optional<crypto::SigningKey> key;
  std::optional<crypto::TrustStore> trust;
};

// The error says which file, and what it should hold.
using ReadIkeFile = std::function<Result<crypto::SecretBytes>(const std::string& path)>;
Result<IkeCredentials> read_ike_credentials(const Connection& connection, const ReadIkeFile& read);

// As read_ike_credentials, of the files as they are now.
Result<IkeCredentials> load_ike_credentials(const Connection& connection);

}  // namespace gotthard::config
