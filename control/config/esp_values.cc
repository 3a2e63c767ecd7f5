// The words for ESP's suites and traffic selectors, as swanctl has them.
#include <algorithm>
#include <array>
#include <charconv>

#include "control/config/config.h"
#include "crypto/suite.h"

namespace gotthard::config {
namespace {

struct SuiteWord {
  std::string_view word;
  crypto::Suite suite;
};
constexpr std::array<SuiteWord, crypto::kSuites> kSuiteWords{{
    {"chacha20poly1305", crypto::Suite::chacha20_poly1305},
    {"aes128gcm16", crypto::Suite::aes128_gcm},
    {"aes192gcm16", crypto::Suite::aes192_gcm},
    {"aes256gcm16", crypto::Suite::aes256_gcm},
    {"aes128gmac", crypto::Suite::aes128_gmac},
    {"aes192gmac", crypto::Suite::aes192_gmac},
    {"aes256gmac", crypto::Suite::aes256_gmac},
    {"aes128-sha256", crypto::Suite::aes128_cbc_hmac_sha256_128},
    {"aes128-sha384", crypto::Suite::aes128_cbc_hmac_sha384_192},
    {"aes128-sha512", crypto::Suite::aes128_cbc_hmac_sha512_256},
    {"aes192-sha256", crypto::Suite::aes192_cbc_hmac_sha256_128},
    {"aes192-sha384", crypto::Suite::aes192_cbc_hmac_sha384_192},
    {"aes192-sha512", crypto::Suite::aes192_cbc_hmac_sha512_256},
    {"aes256-sha256", crypto::Suite::aes256_cbc_hmac_sha256_128},
    {"aes256-sha384", crypto::Suite::aes256_cbc_hmac_sha384_192},
    {"aes256-sha512", crypto::Suite::aes256_cbc_hmac_sha512_256},
}};

struct ProtocolWord {
  std::string_view word;
  std::uint8_t number;
};
constexpr std::array<ProtocolWord, 8> kProtocols{{{"icmp", 1},
                                                  {"tcp", 6},
                                                  {"udp", 17},
                                                  {"gre", 47},
                                                  {"esp", 50},
                                                  {"icmpv6", 58},
                                                  {"ospf", 89},
                                                  {"sctp", 132}}};

std::optional<unsigned> number(std::string_view text, unsigned most) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value <= most
             ? std::optional(value)
             : std::nullopt;
}

bool read_ports(std::string_view text, TrafficSelector* selector) {
  const auto dash = text.find('-');
  const auto first = number(text.substr(0, dash), 65535);
  const auto last = dash == std::string_view::npos ? first : number(text.substr(dash + 1), 65535);
  if (!first || !last || *first > *last) {
    return false;
  }
  selector->first_port = static_cast<std::uint16_t>(*first);
  selector->last_port = static_cast<std::uint16_t>(*last);
  return true;
}

bool read_what(std::string_view text, TrafficSelector* selector) {
  const auto slash = text.find('/');
  const std::string_view protocol = text.substr(0, slash);
  const auto known = std::ranges::find(kProtocols, protocol, &ProtocolWord::word);
  const auto value =
      known != kProtocols.end() ? std::optional<unsigned>(known->number) : number(protocol, 255);
  if (!value || *value == 0) {
    return false;
  }
  selector->protocol = static_cast<std::uint8_t>(*value);
  return slash == std::string_view::npos || read_ports(text.substr(slash + 1), selector);
}

}  // namespace

Result<EspSuite> parse_esp_suite(std::string_view text) {
  constexpr std::string_view kExtended = "-esn";
  EspSuite suite{.extended = text.ends_with(kExtended)};
  const std::string_view word =
      suite.extended ? text.substr(0, text.size() - kExtended.size()) : text;
  const auto found = std::ranges::find(kSuiteWords, word, &SuiteWord::word);
  if (found == kSuiteWords.end()) {
    std::string words;
    for (const SuiteWord& known : kSuiteWords) {
      words += fmt::format("{}{}", words.empty() ? "" : ", ", known.word);
    }
    return fail("'{}' is no suite: write one of {}, with -esn after it for 64-bit sequence numbers",
                text, words);
  }
  suite.suite = static_cast<std::uint8_t>(found->suite);
  return suite;
}

std::string to_string(const EspSuite& suite) {
  const auto found =
      std::ranges::find(kSuiteWords, static_cast<crypto::Suite>(suite.suite), &SuiteWord::suite);
  return fmt::format("{}{}", found->word, suite.extended ? "-esn" : "");
}

bool is_legacy(const EspSuite& suite) {
  return crypto::family_of(static_cast<crypto::Suite>(suite.suite)) == crypto::Family::aes_cbc_hmac;
}

Result<TrafficSelector> parse_selector(std::string_view text) {
  TrafficSelector selector;
  const auto bracket = text.find('[');
  auto prefix = parse_prefix(text.substr(0, bracket));
  if (!prefix) {
    return tl::unexpected(prefix.error());
  }
  selector.prefix = *prefix;
  if (bracket != std::string_view::npos &&
      (!text.ends_with(']') ||
       !read_what(text.substr(bracket + 1, text.size() - bracket - 2), &selector))) {
    return fail("'{}' is no selector: write PREFIX, PREFIX[udp] or PREFIX[tcp/1024-65535]", text);
  }
  return selector;
}

std::string to_string(const TrafficSelector& selector) {
  std::string text = to_string(selector.prefix);
  if (selector.protocol == 0) {
    return text;
  }
  const auto known = std::ranges::find(kProtocols, selector.protocol, &ProtocolWord::number);
  text += fmt::format("[{}", known != kProtocols.end() ? std::string(known->word)
                                                       : std::to_string(selector.protocol));
  if (selector.first_port != 0 || selector.last_port != 65535) {
    text += fmt::format("/{}", selector.first_port);
    if (selector.last_port != selector.first_port) {
      text += fmt::format("-{}", selector.last_port);
    }
  }
  return text + "]";
}

}  // namespace gotthard::config
