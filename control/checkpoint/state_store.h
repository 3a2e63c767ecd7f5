// Texts of any length by number, which must outlive control: the states of IKE SAs. One that is
// written anew stands beside the old one until it is whole; then the old one is wiped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>

namespace gotthard::checkpoint {

class StateStore {
 public:
  static constexpr std::size_t kGranule = 256;  // bytes; what a text takes is a multiple of it
  static constexpr std::size_t kLongest = 256U << 10;

  // Takes over what is whole in there, whatever the memory holds. It outlives the object.
  explicit StateStore(std::span<std::byte> memory);

  // In force when it returns. False: no room; what was there stays.
  [[nodiscard]] bool write(std::uint64_t key, std::span<const std::byte> text);
  // None of that number is no error.
  void remove(std::uint64_t key);
  void for_each(
      const std::function<void(std::uint64_t key, std::span<const std::byte> text)>& each) const;
  [[nodiscard]] std::size_t size() const { return places_.size(); }

 private:
  struct Header;
  // In granules.
  struct Place {
    std::size_t start = 0;
    std::size_t count = 0;
    std::uint64_t generation = 0;
  };
  [[nodiscard]] std::span<std::byte> at(const Place& place) const;
  [[nodiscard]] std::size_t granules() const { return memory_.size() / kGranule; }
  [[nodiscard]] bool whole(std::size_t start, Header* header) const;
  void take_over();
  void wipe(const Place& place);
  void release(const Place& place);

  std::span<std::byte> memory_;
  std::map<std::uint64_t, Place> places_;
  std::map<std::size_t, std::size_t> free_;  // start to count; no two touch
  std::uint64_t generation_ = 0;             // of the last that was written
};

}  // namespace gotthard::checkpoint
