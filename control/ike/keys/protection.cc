#include "control/ike/keys/protection.h"

#include <algorithm>

namespace gotthard::ike {
namespace {

// Padding and its length (RFC 7296, section 3.14): as little as the cipher's blocks allow.
Buffer padded(Bytes plaintext, std::size_t block) {
  Buffer result(plaintext.begin(), plaintext.end());
  const std::size_t pad = (block - (plaintext.size() + 1) % block) % block;
  result.resize(result.size() + pad);
  result.push_back(static_cast<std::byte>(pad));
  return result;
}

Buffer seal_one(const crypto::MessageSuite& suite, const crypto::MessageKeys& keys, Header header,
                const Sealed& sealed, Bytes plaintext, const NextIv& iv) {
  const Buffer text = padded(plaintext, suite.block_size());
  const std::size_t size = suite.iv_size() + text.size() + suite.icv_size();
  header.next_payload =
      sealed.is_fragment() ? PayloadType::encrypted_fragment : PayloadType::encrypted;
  Writer writer;
  write(writer, header, sealed_header_size(sealed.is_fragment()) + size);
  write_sealed_header(writer, sealed, size);
  const Buffer body = crypto::seal_message(suite, keys, iv(suite.iv_size()), writer.buffer(), text);
  writer.bytes(body);
  return writer.take();
}

}  // namespace

std::optional<std::vector<Buffer>> seal(const crypto::MessageSuite& suite,
                                        const crypto::MessageKeys& keys, const Header& header,
                                        const ChainWriter& chain, const NextIv& iv,
                                        std::size_t fragment_size) {
  const Bytes all = chain.bytes();
  const std::size_t block = suite.block_size();
  const std::size_t around = Header::kSize + suite.iv_size() + suite.icv_size();
  const std::size_t whole = around + sealed_header_size(false) + (all.size() / block + 1) * block;
  std::vector<Buffer> datagrams;
  if (!chain.ok()) {
    return std::nullopt;
  }
  if (fragment_size == 0 || whole <= fragment_size) {
    if (whole - Header::kSize > 0xffff) {
      return std::nullopt;
    }
    datagrams.push_back(seal_one(suite, keys, header, {.first_inside = chain.first()}, all, iv));
    return datagrams;
  }
  const std::size_t overhead = around + sealed_header_size(true) + block;
  if (fragment_size <= overhead) {
    return std::nullopt;
  }
  const std::size_t part = (fragment_size - overhead) / block * block + block - 1;
  const std::size_t count = (all.size() + part - 1) / part;
  if (count > kMaxFragments) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const Bytes piece = all.subspan(i * part, std::min(part, all.size() - i * part));
    const Sealed sealed{.first_inside = i == 0 ? chain.first() : PayloadType::none,
                        .number = static_cast<std::uint16_t>(i + 1),
                        .total = static_cast<std::uint16_t>(count)};
    datagrams.push_back(seal_one(suite, keys, header, sealed, piece, iv));
  }
  return datagrams;
}

std::optional<Buffer> open(const crypto::MessageSuite& suite, const crypto::MessageKeys& keys,
                           Bytes datagram, const Sealed& sealed) {
  const Bytes before = datagram.first(datagram.size() - sealed.text.size());
  auto text = crypto::open_message(suite, keys, before, sealed.text);
  if (!text || text->empty()) {
    return std::nullopt;
  }
  const auto pad = static_cast<std::size_t>(text->back());
  if (pad + 1 > text->size()) {
    return std::nullopt;
  }
  text->resize(text->size() - pad - 1);
  return text;
}

}  // namespace gotthard::ike
