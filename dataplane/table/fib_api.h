// rte_fib and rte_fib6 behind one shape: IPv6 keys changed their type between DPDK 22.11 and 24.11.
#pragma once

#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_version.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "dataplane/abi/records.h"

namespace gotthard::dataplane {

#if RTE_VERSION >= RTE_VERSION_NUM(24, 11, 0, 0)
using FibKey6 = rte_ipv6_addr;
#else
struct FibKey6 {
  std::uint8_t bytes[16];
};
#endif

// Two-byte next hops: the first level of a table takes 32 MB.
struct Fib4Api {
  using Table = rte_fib;
  using Key = std::uint32_t;  // host byte order
  static Table* create(const char* name, int socket, unsigned routes);
  static void destroy(Table* table) { rte_fib_free(table); }
  static bool set(Table* table, const abi::Address& address, std::uint8_t length,
                  std::uint32_t value);
  static bool remove(Table* table, const abi::Address& address, std::uint8_t length);
  static void lookup(Table* table, const Key* keys, std::uint64_t* values, std::uint32_t count) {
    // The API is not const-correct.
    rte_fib_lookup_bulk(table, const_cast<Key*>(keys), values, static_cast<int>(count));
  }
  static Key key(const abi::Address& address);
};

struct Fib6Api {
  using Table = rte_fib6;
  using Key = FibKey6;
  static Table* create(const char* name, int socket, unsigned routes);
  static void destroy(Table* table) { rte_fib6_free(table); }
  static bool set(Table* table, const abi::Address& address, std::uint8_t length,
                  std::uint32_t value);
  static bool remove(Table* table, const abi::Address& address, std::uint8_t length);
  static void lookup(Table* table, const Key* keys, std::uint64_t* values, std::uint32_t count);
  static Key key(const abi::Address& address);
};

}  // namespace gotthard::dataplane
