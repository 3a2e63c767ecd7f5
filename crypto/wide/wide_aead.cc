#include "crypto/wide/wide_aead.h"

#include <algorithm>
#include <array>
#include <utility>

#include "crypto/bit_set.h"
#include "crypto/bytes.h"
#include "crypto/wide/batch_order.h"
#include "crypto/wide/cpu.h"
#include "crypto/wide/self_test.h"

namespace gotthard::crypto {
namespace {

using wide::PacketList;

// Who does a packet: AES-GCM's kernel for keys of 16, 24 or 32 bytes, the other kernel, or
// ipsec_mb.
enum class Part : std::uint8_t { gcm128, gcm192, gcm256, chacha20_poly1305, others };
constexpr std::size_t kParts = 5;
constexpr std::array kGcmParts{Part::gcm128, Part::gcm192, Part::gcm256};

constexpr std::array<Part, kSuites> kPartOf = [] {
  std::array<Part, kSuites> parts{};
  parts.fill(Part::others);
  parts[static_cast<std::size_t>(Suite::chacha20_poly1305)] = Part::chacha20_poly1305;
  parts[static_cast<std::size_t>(Suite::aes128_gcm)] = Part::gcm128;
  parts[static_cast<std::size_t>(Suite::aes192_gcm)] = Part::gcm192;
  parts[static_cast<std::size_t>(Suite::aes256_gcm)] = Part::gcm256;
  return parts;
}();

Part part_of(const AeadJob& job) { return kPartOf[static_cast<std::size_t>(job.key->suite())]; }

constexpr std::size_t key_size_of(Part part) { return 16 + 8 * static_cast<std::size_t>(part); }

// What counts of a batch, in one pass over it.
struct Survey {
  Part part;  // the first packet's,
  bool one_part = true;
  bool one_length = true;
  std::uint32_t longest = 0;
  std::uint32_t most_aad = 0;

  explicit Survey(std::span<const AeadJob> batch) : part(part_of(batch.front())) {
    const AeadJob& first = batch.front();
    for (const AeadJob& job : batch) {
      one_part = one_part && (job.key == first.key || part_of(job) == part);
      one_length = one_length && job.length == first.length;
      longest = std::max(longest, job.length);
      most_aad = std::max(most_aad, job.aad_length);
    }
  }
};

// A few packets of ChaCha20-Poly1305 leave most lanes empty: from as many on a kernel was measured
// to take less time than ipsec_mb with vectors as wide (gotthard-perf aead --burst N).
std::size_t least_packets(std::uint32_t longest, WideAead::Width width) {
  if (width == WideAead::Width::avx2) {
    return longest <= 256 ? 2 : 4;
  }
  return longest <= 512 ? 4 : longest <= 2048 ? 5 : 6;
}

class Lists {
 public:
  Lists(std::span<const AeadJob> batch, WideAead::Width width, bool has_gcm) {
    const Survey survey(batch);
    // Mostly packets are one part's.
    if (survey.one_part) {
      PacketList& all = of(survey.part);
      all.take(batch.size());
    } else {
      for (std::size_t i = 0; i < batch.size(); ++i) {
        of(part_of(batch[i])).add(i);
      }
    }
    if (PacketList& chacha = of(Part::chacha20_poly1305);
        chacha.count != 0 && !kernel_is_better(survey, chacha.count, width)) {
      append(&of(Part::others), &chacha);
    }
    if (!has_gcm) {
      for (const Part part : kGcmParts) {
        append(&of(Part::others), &of(part));
      }
    }
    for (std::size_t part = 0; part < static_cast<std::size_t>(Part::others); ++part) {
      if (lists_[part].count > 1 && !survey.one_length) {
        wide::sort_by_length(batch, &lists_[part]);
      }
    }
  }
  PacketList& of(Part part) { return lists_[static_cast<std::size_t>(part)]; }

 private:
  static bool kernel_is_better(const Survey& survey, std::size_t count, WideAead::Width width) {
    return survey.most_aad <= wide::kChaChaLongestAad &&
           count >= least_packets(survey.longest, width);
  }
  static void append(PacketList* to, PacketList* from) {
    for (std::size_t i = 0; i < from->count; ++i) {
      to->add(from->place[i]);
    }
    from->count = 0;
  }

  std::array<PacketList, kParts> lists_;
};

// The jobs of a list, as another backend takes them.
class Picked {
 public:
  Picked(std::span<const AeadJob> batch, const PacketList& list) : count_(list.count) {
    for (std::size_t i = 0; i < count_; ++i) {
      jobs_[i] = batch[list.place[i]];
    }
  }
  [[nodiscard]] std::span<const AeadJob> jobs() const { return std::span(jobs_).first(count_); }

 private:
  std::array<AeadJob, kMaxBatch> jobs_;
  std::size_t count_;
};

// So few packets that no kernel would take them: they are not sorted first.
bool is_for_others(std::span<const AeadJob> batch, WideAead::Width width) {
  return batch.size() < least_packets(0, width) &&
         std::all_of(batch.begin(), batch.end(), [](const AeadJob& job) {
           return family_of(job.key->suite()) != Family::aes_gcm;
         });
}

// Bits of a list as bits of the batch.
BitSet bits_of_batch(BitSet bits, const PacketList& list) {
  if (list.in_order) {
    return bits;
  }
  BitSet result = 0;
  for (std::size_t i = 0; i < list.count; ++i) {
    result |= (bits >> i & 1) << list.place[i];
  }
  return result;
}

}  // namespace

WideAead::WideAead(Width width, bool vector_aes, IpsecMbAead others)
    : width_(width), others_(std::move(others)) {
  const bool widest = width == Width::avx512;
  gcm_ = !vector_aes ? nullptr : widest ? &wide::kGcmAvx512 : &wide::kGcmAvx2;
  chacha_ = widest ? &wide::kChaChaAvx512 : &wide::kChaChaAvx2;
}

Result<WideAead> WideAead::create(Width width) { return create(width, wide::has_vector_aes()); }

Result<WideAead> WideAead::create(Width width, bool vector_aes) {
  const bool widest = width == Width::avx512;
  if (widest ? !(wide::has_avx512() && vector_aes) : !wide::has_avx2()) {
    return fail("the {} AEAD does not run on this machine; use --aead auto",
                widest ? "avx512" : "avx2");
  }
  auto others = IpsecMbAead::create(widest ? IpsecMbAead::Widest::any : IpsecMbAead::Widest::avx2);
  if (!others) {
    return tl::unexpected(others.error());
  }
  WideAead aead(width, vector_aes, std::move(*others));
  if (const Status right = wide::self_test(aead); !right) {
    return tl::unexpected(right.error());
  }
  return aead;
}

void WideAead::expand(Suite suite, std::span<const std::byte> key, AeadKey& out) const noexcept {
  // The schedule of ChaCha20 is the key, wherever.
  if (gcm_ == nullptr || family_of(suite) != Family::aes_gcm) {
    return others_.expand(suite, key, out);
  }
  gcm_->expand(raw(key.data()), key.size(), &out.set<wide::GcmKey>(suite));
}

void WideAead::seal_batch(std::span<const AeadJob> batch) noexcept {
  if (is_for_others(batch, width_)) {
    return others_.seal(batch);
  }
  Lists lists(batch, width_, gcm_ != nullptr);
  for (const Part part : kGcmParts) {
    if (const PacketList& list = lists.of(part); list.count != 0) {
      gcm_->seal(batch.data(), list.place.data(), list.count, key_size_of(part));
    }
  }
  if (const PacketList& list = lists.of(Part::chacha20_poly1305); list.count != 0) {
    chacha_->seal(batch.data(), list.place.data(), list.count);
  }
  if (const PacketList& list = lists.of(Part::others); list.count == batch.size()) {
    others_.seal(batch);
  } else if (list.count != 0) {
    others_.seal(Picked(batch, list).jobs());
  }
}

void WideAead::seal(std::span<const AeadJob> jobs) noexcept {
  for (; !jobs.empty(); jobs = jobs.subspan(std::min(jobs.size(), kMaxBatch))) {
    seal_batch(jobs.first(std::min(jobs.size(), kMaxBatch)));
  }
}

std::uint64_t WideAead::open(std::span<const AeadJob> jobs) noexcept {
  if (is_for_others(jobs, width_)) {
    return others_.open(jobs);
  }
  Lists lists(jobs, width_, gcm_ != nullptr);
  if (lists.of(Part::others).count == jobs.size()) {
    return others_.open(jobs);
  }
  BitSet authentic = 0;
  for (const Part part : kGcmParts) {
    if (const PacketList& list = lists.of(part); list.count != 0) {
      authentic |= bits_of_batch(
          gcm_->open(jobs.data(), list.place.data(), list.count, key_size_of(part)), list);
    }
  }
  if (const PacketList& list = lists.of(Part::chacha20_poly1305); list.count != 0) {
    authentic |= bits_of_batch(chacha_->open(jobs.data(), list.place.data(), list.count), list);
  }
  if (const PacketList& list = lists.of(Part::others); list.count != 0) {
    authentic |= bits_of_batch(others_.open(Picked(jobs, list).jobs()), list);
  }
  return authentic;
}

}  // namespace gotthard::crypto
