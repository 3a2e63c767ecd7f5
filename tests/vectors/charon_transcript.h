// What two of strongSwan's charon said to each other, as charon_transcript.py beside this file
// writes it: a file a suite in charon/.
#pragma once

#include <string_view>
#include <vector>

namespace gotthard::ike::vectors {

struct Datagram {
  int sender;  // 1 has made the first IKE SA
  std::string_view bytes;
};
struct Secret {
  std::string_view name;
  std::string_view bytes;
};
struct Transcript {
  std::string_view name;
  std::string_view shared_key;  // empty: certificates
  std::vector<Datagram> datagrams;
  std::vector<Secret> secrets;  // in the order in which they came to be
};

}  // namespace gotthard::ike::vectors
