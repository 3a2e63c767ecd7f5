// Counters to seal with, of a burst: one block per session, by one addition to its shared counter.
// No two workers ever get the same number; within a burst they are dealt out in order.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/packet.h"
#include "dataplane/room.h"
#include "dataplane/table/session.h"

namespace gotthard::dataplane {

// Lives for one burst. `message_limit` is at most 2^63, and workers stop at `exhausted`, so that
// the counter cannot come round.
class CounterBlocks {
 public:
  // For all packets of the burst, before the first deal(). `bytes` are their texts', for sessions
  // that have a limit of them.
  void count(const Session* session, std::uint32_t packets, std::uint64_t bytes = 0) {
    Entry* e = find_or_add(session);
    e->size += packets;
    e->bytes += bytes;
  }

  // The next numbers of a session: fewer than asked for when it has no more.
  struct Deal {
    std::uint64_t first = 0;
    std::uint32_t count = 0;
  };
  [[nodiscard]] Deal deal(Session* session, std::uint32_t packets) {
    Entry* e = find_or_add(session);
    if (!e->taken) {
      take(session, e);
    }
    const std::uint64_t first = e->first + e->given;
    const std::uint64_t left = first < session->message_limit ? session->message_limit - first : 0;
    const auto count =
        static_cast<std::uint32_t>(std::min<std::uint64_t>({packets, e->size - e->given, left}));
    e->given += count;
    return {.first = first, .count = count};
  }

 private:
  struct Entry {
    const Session* session;
    std::uint64_t first;
    std::uint64_t bytes;
    std::uint32_t size;
    std::uint32_t given;
    bool taken;
  };
  static constexpr std::uint8_t kEmpty = 0;

  static void take(Session* session, Entry* e) {
    e->taken = true;
    // The first block of bytes that would go over the limit is the end: not one more is sealed.
    const bool spent =
        session->byte_limit != kNoLimit &&
        session->sent_bytes.fetch_add(e->bytes, std::memory_order_relaxed) + e->bytes >
            session->byte_limit;
    if (spent || session->next_counter.load(std::memory_order_relaxed) >= session->message_limit) {
      session->exhausted.store(true, std::memory_order_relaxed);
      e->size = 0;
      return;
    }
    e->first = session->next_counter.fetch_add(e->size, std::memory_order_relaxed);
  }

  // Mostly the last one's again. Else by open addressing; twice as many places as lanes.
  Entry* find_or_add(const Session* session) {
    if (last_ != nullptr && last_->session == session) {
      return last_;
    }
    for (std::uint32_t place = session->local_id;; ++place) {
      std::uint8_t* number = &places_[place % places_.size()];
      if (*number == kEmpty) {
        *number = static_cast<std::uint8_t>(++count_);
        entries_[count_ - 1] = Entry{.session = session};
      } else if (entries_[*number - 1].session != session) {
        continue;
      }
      last_ = &entries_[*number - 1];
      return last_;
    }
  }

  Entry* last_ = nullptr;
  std::uint32_t count_ = 0;
  std::array<std::uint8_t, 2 * kBurst> places_{};  // one more than the entry's index
  Room<Entry, kBurst> entries_;
};

}  // namespace gotthard::dataplane
