// Sessions that several workers use at once: no counter is given twice, none is accepted twice, and
// none is used any more once it is wiped. Also run under ThreadSanitizer.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "crypto/aead.h"
#include "crypto/bytes.h"
#include "dataplane/table/counter_blocks.h"
#include "dataplane/table/peer.h"
#include "dataplane/table/rcu.h"
#include "dataplane/table/session_table.h"

namespace gotthard::dataplane {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kLimit = 4'003;
constexpr std::uint32_t kSessions = 30;
#else
constexpr std::uint64_t kLimit = 40'003;  // no multiple of a burst
constexpr std::uint32_t kSessions = 100;
#endif
constexpr std::uint32_t kWindow = 65536;
constexpr unsigned kWorkers = 2;

struct Message {
  std::array<std::byte, 16> text{};
  std::array<std::byte, 16> tag{};
};

crypto::AeadJob job_of(const crypto::AeadKey& key, std::uint64_t counter, Message* message) {
  crypto::AeadJob job{.key = &key,
                      .text = message->text.data(),
                      .length = static_cast<std::uint32_t>(message->text.size()),
                      .tag = message->tag.data()};
  std::memcpy(job.nonce.data() + 4, &counter, sizeof(counter));
  return job;
}

// A session that opens what it seals.
class LoopSession {
 public:
  LoopSession(const crypto::AeadEngine& aead, std::uint32_t id, std::uint64_t limit)
      : window_(static_cast<std::byte*>(
            std::aligned_alloc(64, (ReplayWindow::memory_size(kWindow) + 63) / 64 * 64))) {
    std::array<std::uint8_t, 32> key{};
    std::memcpy(key.data(), &id, sizeof(id));
    const auto suite = crypto::Suite::chacha20_poly1305;
    EXPECT_TRUE(aead.expand(suite, crypto::bytes_of(key), session.seal_key));
    EXPECT_TRUE(aead.expand(suite, crypto::bytes_of(key), session.open_key));
    session.local_id = id;
    session.message_limit = limit;
    session.reject_at_tsc = UINT64_MAX;
    session.window.attach(window_.get(), kWindow);
  }
  Session session;

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> window_;
};

template <typename Function>
void in_threads(Function&& function) {
  std::atomic<unsigned> ready{0};
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&, worker] {
      ready.fetch_add(1);
      while (ready.load() < kWorkers) {
      }
      function(worker);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

crypto::AeadEngine make_engine() {
  return crypto::AeadEngine::create(crypto::Backend::portable).value();
}

TEST(SessionThreads, ToItsLimitEachCounterIsSealedOnceAndOpenedOnce) {
  const crypto::AeadEngine manager = make_engine();
  LoopSession loop(manager, 0x12340100, kLimit);
  Session* const session = &loop.session;
  std::vector<Message> sealed(kLimit);
  std::vector<std::atomic<int>> given(kLimit);
  std::vector<std::atomic<int>> accepted(kLimit);
  std::atomic<std::uint64_t> beyond{0};
  std::atomic<std::uint64_t> forged{0};

  in_threads([&](unsigned worker) {
    crypto::AeadEngine aead = make_engine();
    for (std::uint64_t round = 0; session->seals(0); ++round) {
      const std::uint32_t size = 1 + (round * 7 + worker) % kBurst;
      CounterBlocks blocks;
      blocks.count(session, size);
      std::array<crypto::AeadJob, kBurst> jobs;
      std::uint32_t count = 0;
      for (const std::uint32_t part : {size / 3, size - size / 3}) {
        const CounterBlocks::Deal numbers = blocks.deal(session, part);
        for (std::uint64_t n = 0; n < numbers.count; ++n) {
          const std::uint64_t counter = numbers.first + n;
          if (counter >= kLimit) {
            beyond.fetch_add(1);
            continue;
          }
          given[counter].fetch_add(1);
          std::memcpy(sealed[counter].text.data(), &counter, sizeof(counter));
          jobs[count++] = job_of(session->seal_key, counter, &sealed[counter]);
        }
      }
      aead.seal({jobs.data(), count});
    }
  });
  EXPECT_TRUE(session->exhausted.load());
  EXPECT_EQ(beyond.load(), 0U);
  std::uint64_t wrong = 0;
  for (const auto& times : given) {
    wrong += times.load() == 1 ? 0 : 1;
  }
  EXPECT_EQ(wrong, 0U) << "counters that were not given exactly once";

  // Both are sent everything, one of them from its end.
  in_threads([&](unsigned worker) {
    crypto::AeadEngine aead = make_engine();
    for (std::uint64_t at = 0; at < kLimit; at += kBurst) {
      const std::uint64_t size = std::min<std::uint64_t>(kBurst, kLimit - at);
      std::array<Message, kBurst> copies;
      std::array<crypto::AeadJob, kBurst> jobs;
      std::array<std::uint64_t, kBurst> counters;
      std::array<WindowVerdict, kBurst> verdicts;
      for (std::uint64_t i = 0; i < size; ++i) {
        counters[i] = worker == 0 ? at + i : kLimit - 1 - at - i;
        copies[i] = sealed[counters[i]];
        jobs[i] = job_of(session->open_key, counters[i], &copies[i]);
      }
      const std::uint64_t authentic = aead.open({jobs.data(), size});
      session->window.commit({counters.data(), size}, {verdicts.data(), size});
      for (std::uint64_t i = 0; i < size; ++i) {
        const bool right = std::memcmp(copies[i].text.data(), &counters[i], 8) == 0;
        forged.fetch_add((authentic >> i & 1) != 0 && right ? 0 : 1);
        accepted[counters[i]].fetch_add(verdicts[i] == WindowVerdict::accept ? 1 : 0);
      }
    }
  });
  EXPECT_EQ(forged.load(), 0U);
  wrong = 0;
  for (const auto& times : accepted) {
    wrong += times.load() == 1 ? 0 : 1;
  }
  EXPECT_EQ(wrong, 0U) << "counters that were not accepted exactly once";
}

// The manager installs one session after the other, and wipes those before, while workers seal and
// open with what they find.
TEST(SessionThreads, ArePublishedWholeAndWipedWhenNobodyUsesThem) {
  const auto rcu = Rcu::create(kWorkers).value();
  const auto table = std::make_unique<SessionTable>();
  const auto peer = std::make_unique<Peer>();
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> used{0};
  std::vector<std::thread> workers;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    workers.emplace_back([&, worker] {
      crypto::AeadEngine aead = make_engine();
      rcu->online(worker);
      while (!done.load(std::memory_order_relaxed)) {
        Session* session = peer->sealing_session();
        if (session != nullptr && session->seals(0)) {
          CounterBlocks blocks;
          blocks.count(session, 1);
          const CounterBlocks::Deal numbers = blocks.deal(session, 1);
          if (const std::uint64_t counter = numbers.first; numbers.count == 1) {
            Message message;
            std::memcpy(message.text.data(), &counter, sizeof(counter));
            const std::uint32_t id = session->local_id;
            crypto::AeadJob job = job_of(session->seal_key, counter, &message);
            aead.seal({&job, 1});
            // As it comes back from the network: by its id.
            if (Session* found = table->find(id)) {
              job = job_of(found->open_key, counter, &message);
              const bool authentic = aead.open({&job, 1}) == 1;
              std::array<WindowVerdict, 1> verdict{};
              found->window.commit({&counter, 1}, verdict);
              const bool right = std::memcmp(message.text.data(), &counter, 8) == 0;
              wrong.fetch_add(authentic && right && verdict[0] == WindowVerdict::accept ? 0 : 1);
              found->confirmed.store(true, std::memory_order_relaxed);
              used.fetch_add(1);
            }
          }
        }
        rcu->quiescent(worker);
      }
      rcu->offline(worker);
    });
  }
  {
    const crypto::AeadEngine aead = make_engine();
    RetireList retired(rcu.get());
    std::shared_ptr<LoopSession> before;
    for (std::uint32_t i = 0; i < kSessions; ++i) {
      const std::uint32_t id = (i + 1) << 16 | (0x100 + i % 8);
      auto next = std::make_shared<LoopSession>(aead, id, 1U << 30);
      // As the manager does: a slot is free again only when nobody can find what was there.
      while (table->at(id) != nullptr) {
        retired.poll();
      }
      table->publish(id, &next->session);
      (i % 2 == 0 ? peer->current : peer->next).store(&next->session, std::memory_order_release);
      next->session.confirmed.store(i % 2 == 1, std::memory_order_relaxed);
      if (i % 2 == 0) {
        peer->next.store(nullptr, std::memory_order_release);
      }
      if (before != nullptr) {
        table->publish(before->session.local_id, nullptr);
        retired.defer([gone = std::move(before)]() mutable { gone.reset(); });
      }
      before = std::move(next);
      const std::uint64_t seen = used.load();
      while (used.load() < seen + 10) {
        retired.poll();
        std::this_thread::yield();
      }
    }
    done.store(true);
    for (std::thread& worker : workers) {
      worker.join();
    }
  }
  EXPECT_EQ(wrong.load(), 0U);
}

}  // namespace
}  // namespace gotthard::dataplane
