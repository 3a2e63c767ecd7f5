// How a scenario's packets look, written and read as their peers do, apart from the code that is
// measured.
#pragma once

#include <cstddef>
#include <span>

#include "crypto/aead_key.h"
#include "perf/pipeline/gateway.h"

namespace gotthard::perf::pipeline {

// An IP header in front of `payload` bytes.
void write_ip(std::byte* ip, const abi::Address& from, const abi::Address& to,
              std::uint8_t protocol, std::size_t payload);

// Of a sealed packet, from its outer IP header on: IP, UDP, header, IV, text, tag.
class Format {
 public:
  explicit Format(const Scenario& scenario);

  [[nodiscard]] std::size_t text_offset() const { return ip_ + udp_ + header_ + iv_; }
  [[nodiscard]] std::size_t text_length(std::size_t inner) const;
  [[nodiscard]] std::size_t tag() const { return tag_; }
  [[nodiscard]] std::size_t length(std::size_t inner) const {
    return text_offset() + text_length(inner) + tag_;
  }

  // All but the text and the tag, from a session's peer to the gateway.
  void write_front(std::byte* ip, std::uint32_t session, const Tunnel& tunnel,
                   std::uint64_t counter, std::size_t inner) const;
  // What follows an inner packet in its text, as a whole of text_length() bytes.
  void write_padding(std::byte* text, std::size_t inner) const;

  // The numbers in a sealed packet. False: what stands there is not what a peer expects.
  struct Found {
    std::uint32_t id = 0;
    std::uint64_t counter = 0;
  };
  [[nodiscard]] bool read_front(std::span<const std::byte> ip, Found* found) const;

  // `aad` lives as long as the job.
  using Aad = std::array<std::byte, 8>;
  [[nodiscard]] crypto::AeadJob job(std::byte* text, std::size_t text_length,
                                    const crypto::AeadKey* key, const Keys& keys,
                                    const Found& numbers, Aad* aad) const;

 private:
  Scenario scenario_;
  std::size_t ip_, udp_, header_, iv_, tag_;
};

}  // namespace gotthard::perf::pipeline
