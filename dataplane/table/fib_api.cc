#include "dataplane/table/fib_api.h"

#include <algorithm>

namespace gotthard::dataplane {
namespace {

// Second-level groups of 256 entries; two-byte next hops can name no more.
constexpr unsigned kMaxTbl8 = 32767;

unsigned tbl8_for(unsigned routes) { return std::clamp(routes, 1024U, kMaxTbl8); }

}  // namespace

rte_fib* Fib4Api::create(const char* name, int socket, unsigned routes) {
  rte_fib_conf conf{};
  conf.type = RTE_FIB_DIR24_8;
  conf.default_nh = 0;
  conf.max_routes = static_cast<int>(routes);
  conf.dir24_8.nh_sz = RTE_FIB_DIR24_8_2B;
  conf.dir24_8.num_tbl8 = tbl8_for(routes);
  return rte_fib_create(name, socket, &conf);
}

Fib4Api::Key Fib4Api::key(const abi::Address& address) {
  std::uint32_t raw;
  std::memcpy(&raw, address.bytes.data(), sizeof(raw));
  return __builtin_bswap32(raw);
}

bool Fib4Api::set(Table* table, const abi::Address& address, std::uint8_t length,
                  std::uint32_t value) {
  return rte_fib_add(table, key(address), length, value) == 0;
}

bool Fib4Api::remove(Table* table, const abi::Address& address, std::uint8_t length) {
  return rte_fib_delete(table, key(address), length) == 0;
}

rte_fib6* Fib6Api::create(const char* name, int socket, unsigned routes) {
  rte_fib6_conf conf{};
  conf.type = RTE_FIB6_TRIE;
  conf.default_nh = 0;
  conf.max_routes = static_cast<int>(routes);
  conf.trie.nh_sz = RTE_FIB6_TRIE_2B;
  conf.trie.num_tbl8 = tbl8_for(routes);
  return rte_fib6_create(name, socket, &conf);
}

Fib6Api::Key Fib6Api::key(const abi::Address& address) {
  Key key;
  static_assert(sizeof(key) == sizeof(address.bytes));
  std::memcpy(static_cast<void*>(&key), address.bytes.data(), sizeof(key));
  return key;
}

#if RTE_VERSION >= RTE_VERSION_NUM(24, 11, 0, 0)

bool Fib6Api::set(Table* table, const abi::Address& address, std::uint8_t length,
                  std::uint32_t value) {
  const Key k = key(address);
  return rte_fib6_add(table, &k, length, value) == 0;
}

bool Fib6Api::remove(Table* table, const abi::Address& address, std::uint8_t length) {
  const Key k = key(address);
  return rte_fib6_delete(table, &k, length) == 0;
}

void Fib6Api::lookup(Table* table, const Key* keys, std::uint64_t* values, std::uint32_t count) {
  rte_fib6_lookup_bulk(table, keys, values, static_cast<int>(count));
}

#else

bool Fib6Api::set(Table* table, const abi::Address& address, std::uint8_t length,
                  std::uint32_t value) {
  return rte_fib6_add(table, address.bytes.data(), length, value) == 0;
}

bool Fib6Api::remove(Table* table, const abi::Address& address, std::uint8_t length) {
  return rte_fib6_delete(table, address.bytes.data(), length) == 0;
}

void Fib6Api::lookup(Table* table, const Key* keys, std::uint64_t* values, std::uint32_t count) {
  rte_fib6_lookup_bulk(table, reinterpret_cast<std::uint8_t(*)[16]>(const_cast<Key*>(keys)), values,
                       static_cast<int>(count));
}

#endif

}  // namespace gotthard::dataplane
