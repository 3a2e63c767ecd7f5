#include "perf/pipeline/scenario_options.h"

#include "perf/options.h"

namespace gotthard::perf::pipeline {
namespace {

using abi::Family;
using crypto::Suite;

std::string check_size(const std::string& text) {
  return text == "imix" ? std::string() : CLI::Range(kLeastSize, kGreatestSize)(text);
}

}  // namespace

void add_traffic(CLI::App* app, Scenario* scenario) {
  choice<Protocol>(app, "--protocol", &scenario->protocol,
                   {{"wireguard", Protocol::wireguard}, {"esp", Protocol::esp}},
                   "wireguard (default) or esp, in tunnel mode");
  choice<Suite>(app, "--suite", &scenario->given_suite,
                {{"aes128gcm", Suite::aes128_gcm},
                 {"aes192gcm", Suite::aes192_gcm},
                 {"aes256gcm", Suite::aes256_gcm},
                 {"chacha20poly1305", Suite::chacha20_poly1305},
                 {"aes128gmac", Suite::aes128_gmac}},
                "of ESP: aes128gcm (default), aes192gcm, aes256gcm, chacha20poly1305, aes128gmac");
  choice<Direction>(
      app, "--direction", &scenario->direction,
      {{"encap", Direction::encap}, {"decap", Direction::decap}, {"both", Direction::both}},
      "encap (default), decap, or both in turns");
  app->add_option_function<std::string>(
         "--size",
         [scenario](const std::string& text) {
           scenario->size.reset();
           if (text != "imix") {
             scenario->size = static_cast<std::uint32_t>(std::stoul(text));
           }
         },
         "bytes of inner IP packets, or imix: 7 x 64, 4 x 576, 1 x 1420 (default 1420)")
      ->check(CLI::Validator(check_size, "BYTES|imix"));
  using Families = std::pair<Family, Family>;
  static const std::vector<std::pair<std::string, Families>> kFamilies = {
      {"44", {Family::ipv4, Family::ipv4}},
      {"46", {Family::ipv4, Family::ipv6}},
      {"64", {Family::ipv6, Family::ipv4}},
      {"66", {Family::ipv6, Family::ipv6}}};
  app->add_option_function<std::string>(
         "--ip",
         [scenario](const std::string& text) {
           for (const auto& [name, families] : kFamilies) {
             if (name == text) {
               scenario->inner = families.first;
               scenario->outer = families.second;
             }
           }
         },
         "versions of IP, inner and outer: 44 (default), 46 (IPv4 inside IPv6), 64 or 66")
      ->check(CLI::IsMember({"44", "46", "64", "66"}));
  app->add_flag("--nat-t", scenario->nat_t, "ESP in UDP");
}

void add_tunnels(CLI::App* app, Scenario* scenario) {
  app->add_option("--sessions", scenario->sessions,
                  "each of a tunnel of its own, spread over the workers (default 1)")
      ->check(CLI::Range(1U, kMostSessions));
  app->add_option("--routes", scenario->routes,
                  "prefixes behind the tunnels, and as many inside; packets are for any of them "
                  "(default 1; one a session at least)")
      ->check(CLI::Range(1U, kMostRoutes));
}

void add_seconds(CLI::App* app, Scenario* scenario, const std::string& what) {
  app->add_option("--seconds", scenario->seconds, what)->check(CLI::Range(0.001, kMostSeconds));
}

}  // namespace gotthard::perf::pipeline
