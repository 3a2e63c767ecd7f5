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

class Lists {
 public:
  Lists(std::span<const AeadJob> batch, bool has_chacha) {
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
        chacha.count != 0 && !(has_chacha && kernel_is_better(survey, chacha.count))) {
      append(&of(Part::others), &chacha);
    }
    for (std::size_t part = 0; part < static_cast<std::size_t>(Part::others); ++part) {
      if (lists_[part].count > 1 && !survey.one_length) {
        wide::sort_by_length(batch, &lists_[part]);
      }
    }
  }
  PacketList& of(Part part) { return lists_[static_cast<std::size_t>(part)]; }

 private:
  // A few packets leave most lanes empty: from as many on the kernel was measured to take less time
  // than ipsec_mb (gotthard-perf aead --burst N).
  static bool kernel_is_better(const Survey& survey, std::size_t count) {
    return survey.most_aad <= wide::kChaChaLongestAad && count >= least_packets(survey.longest);
  }
  static std::size_t least_packets(std::uint32_t longest) {
    return longest <= 512 ? 4 : longest <= 2048 ? 5 : 6;
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

// Three packets and fewer that no kernel would take: they are not sorted first.
bool is_for_others(std::span<const AeadJob> batch) {
  return batch.size() < 4 && std::all_of(batch.begin(), batch.end(), [](const AeadJob& job) {
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

WideAead::WideAead(Width width, IpsecMbAead others)
    : width_(width),
      gcm_(width == Width::avx512 ? &wide::kGcmAvx512 : &wide::kGcmAvx2),
      chacha_(width == Width::avx512 ? &wide::kChaChaAvx512 : nullptr),
      others_(std::move(others)) {}

Result<WideAead> WideAead::create(Width width) {
  if (width == Width::avx512 ? !wide::has_avx512() : !wide::has_avx2()) {
    return fail("the {} AEAD does not run on this machine; use --aead auto",
                width == Width::avx512 ? "avx512" : "avx2");
  }
  auto others = IpsecMbAead::create();
  if (!others) {
    return tl::unexpected(others.error());
  }
  WideAead aead(width, std::move(*others));
  if (const Status right = wide::self_test(aead); !right) {
    return tl::unexpected(right.error());
  }
  return aead;
}

void WideAead::expand(Suite suite, std::span<const std::byte> key, AeadKey& out) const noexcept {
  // The schedule of ChaCha20 is the key, wherever.
  if (family_of(suite) != Family::aes_gcm) {
    return others_.expand(suite, key, out);
  }
  gcm_->expand(raw(key.data()), key.size(), &out.set<wide::GcmKey>(suite));
}

void WideAead::seal_batch(std::span<const AeadJob> batch) noexcept {
  if (is_for_others(batch)) {
    return others_.seal(batch);
  }
  Lists lists(batch, chacha_ != nullptr);
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
  if (is_for_others(jobs)) {
    return others_.open(jobs);
  }
  Lists lists(jobs, chacha_ != nullptr);
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
