// A path-compressed binary trie from prefixes of one address family to values: at most two nodes a
// prefix, lookups as deep as prefixes nest. Values stay where they are until they are erased.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "control/route/address.h"

namespace gotthard::route {

template <typename T>
class PrefixTrie {
 public:
  T* find(const PrefixKey& key) {
    Node* node = root_.get();
    while (node != nullptr && covers(node->key, key)) {
      if (node->key.length == key.length) {
        return node->value ? &*node->value : nullptr;
      }
      node = node->child[bit_at(key.bits, node->key.length)].get();
    }
    return nullptr;
  }

  T& find_or_insert(const PrefixKey& key) {
    std::unique_ptr<Node>* link = &root_;
    while (*link != nullptr) {
      Node& node = **link;
      const unsigned common = common_length(node.key, key);
      if (common < node.key.length) {
        split(link, common);
      } else if (common == key.length) {
        break;
      } else {
        link = &node.child[bit_at(key.bits, node.key.length)];
      }
    }
    if (*link == nullptr) {
      *link = std::make_unique<Node>();
      (*link)->key = key;
    }
    if (!(*link)->value) {
      (*link)->value.emplace();
    }
    return *(*link)->value;
  }

  void erase(const PrefixKey& key) { erase(&root_, key); }

  // From the shortest to the longest prefix that covers `key`, itself included.
  template <typename Each>
  void for_each_covering(const PrefixKey& key, Each each) {
    Node* node = root_.get();
    while (node != nullptr && covers(node->key, key)) {
      if (node->value) {
        each(node->key, *node->value);
      }
      if (node->key.length == key.length) {
        return;
      }
      node = node->child[bit_at(key.bits, node->key.length)].get();
    }
  }

  // `key` and all prefixes in it, each after those that cover it. `each` gets a context that is
  // handed down by value, and returns whether to go on to what lies below.
  template <typename Context, typename Each>
  void walk(const PrefixKey& key, const Context& context, Each each) {
    Node* node = root_.get();
    while (node != nullptr && node->key.length < key.length && covers(node->key, key)) {
      node = node->child[bit_at(key.bits, node->key.length)].get();
    }
    if (node != nullptr && covers(key, node->key)) {
      descend(*node, context, each);
    }
  }

 private:
  struct Node {
    PrefixKey key;
    std::optional<T> value;
    std::array<std::unique_ptr<Node>, 2> child;
  };

  static unsigned common_length(const PrefixKey& a, const PrefixKey& b) {
    const unsigned shorter = std::min(a.length, b.length);
    const Bits difference = a.bits ^ b.bits;
    return difference == 0 ? shorter : std::min(shorter, leading_zeros(difference));
  }

  // Puts a node of the first `length` bits in between.
  static void split(std::unique_ptr<Node>* link, unsigned length) {
    auto above = std::make_unique<Node>();
    above->key = {(*link)->key.bits & mask(length), static_cast<std::uint8_t>(length)};
    const bool side = bit_at((*link)->key.bits, length);
    above->child[side] = std::move(*link);
    *link = std::move(above);
  }

  static void erase(std::unique_ptr<Node>* link, const PrefixKey& key) {
    Node* node = link->get();
    if (node == nullptr || !covers(node->key, key)) {
      return;
    }
    if (node->key.length == key.length) {
      node->value.reset();
    } else {
      erase(&node->child[bit_at(key.bits, node->key.length)], key);
    }
    if (!node->value && (node->child[0] == nullptr || node->child[1] == nullptr)) {
      auto rest = std::move(node->child[node->child[0] == nullptr]);
      *link = std::move(rest);
    }
  }

  template <typename Context, typename Each>
  static void descend(Node& node, Context context, Each& each) {
    if (node.value && !each(node.key, *node.value, context)) {
      return;
    }
    for (auto& child : node.child) {
      if (child != nullptr) {
        descend(*child, context, each);
      }
    }
  }

  std::unique_ptr<Node> root_;
};

}  // namespace gotthard::route
