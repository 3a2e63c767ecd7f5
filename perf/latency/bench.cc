#include "perf/latency/bench.h"

#include <algorithm>

#include "perf/pipeline/team.h"

namespace gotthard::perf::latency {

using pipeline::Direction;
using pipeline::fenced_tsc;
using pipeline::Traffic;

Result<std::unique_ptr<Bench>> Bench::create(const pipeline::Scenario& scenario,
                                             const pipeline::Environment& environment) {
  auto gateway = pipeline::Gateway::create(scenario, environment);
  if (!gateway) {
    return tl::unexpected(gateway.error());
  }
  std::unique_ptr<Bench> bench(new Bench(std::move(*gateway)));
  auto receiver = pipeline::KeyRing::create(crypto::Backend::portable, *bench->gateway_);
  if (!receiver) {
    return tl::unexpected(receiver.error());
  }
  bench->receiver_ = std::move(*receiver);
  for (const Direction direction : {Direction::encap, Direction::decap}) {
    if (scenario.direction == direction || scenario.direction == Direction::both) {
      if (const Status added = bench->add_way(direction); !added) {
        return tl::unexpected(added.error());
      }
    }
  }
  bench->gateway_->worker(0).count_cycles(false);
  bench->gateway_->worker(0).online();
  return bench;
}

Bench::~Bench() { gateway_->worker(0).offline(); }

Status Bench::add_way(Direction direction) {
  auto traffic = Traffic::create(gateway_.get(), direction, 0);
  if (!traffic) {
    return tl::unexpected(traffic.error());
  }
  Way way{.traffic = std::move(*traffic), .from = &gateway_->lan(), .to = &gateway_->wan()};
  if (direction == Direction::decap) {
    std::swap(way.from, way.to);
  }
  auto departures = Departures::create(way.to->ethdev(), 0);
  if (!departures) {
    return tl::unexpected(departures.error());
  }
  way.departures = std::move(*departures);
  way.traffic->prepare();
  ways_.push_back(std::move(way));
  return {};
}

void Bench::offer(Spacing spacing, double packets_per_tick, std::uint64_t seed) {
  ending_ = false;
  const double gap = static_cast<double>(ways_.size()) / packets_per_tick;
  for (Way& way : ways_) {
    way.line.emplace(Pacer(spacing, gap, now_, seed++), kPlaces);
  }
}

void Bench::offer_all() {
  for (Way& way : ways_) {
    way.line.reset();
  }
}

void Bench::offer_no_more() { ending_ = true; }

bool Bench::idle() const {
  return std::ranges::all_of(ways_,
                             [](const Way& way) { return way.line && way.line->waiting() == 0; });
}

std::uint64_t Bench::lost() const {
  std::uint64_t sum = 0;
  for (const Way& way : ways_) {
    sum += way.line->lost();
  }
  return sum;
}

bool Bench::used_up() const {
  return std::ranges::any_of(ways_, [](const Way& way) {
    return way.next + dataplane::kBurst > way.traffic->packets().size();
  });
}

Status Bench::refill() {
  for (Way& way : ways_) {
    if (!checked_ && way.traffic->check(way.first, receiver_.get()) != way.first.size()) {
      return fail("of the first {} packets some are not what their receiver expects",
                  way.first.size());
    }
    way.first.clear();
    way.next = 0;
    way.traffic->prepare();
  }
  checked_ = true;
  return {};
}

Result<Bench::Turn> Bench::turn(std::vector<std::uint64_t>* spent) {
  std::array<std::size_t, 2> given{};
  for (std::size_t i = 0; i < ways_.size(); ++i) {
    given[i] = give(&ways_[i]);
  }
  const std::uint64_t start = fenced_tsc();
  gateway_->worker(0).turn();
  const std::uint64_t ticks = fenced_tsc() - start;
  Turn turn{.ticks = ticks};
  for (std::size_t i = 0; i < ways_.size(); ++i) {
    Way* way = &ways_[i];
    if (const Status collected = collect(way, given[i]); !collected) {
      return tl::unexpected(collected.error());
    }
    for (const Departure& departure : way->departures->log()) {
      if (way->line) {
        way->line->leave(departure.packets, now_ + (departure.tsc - start),
                         [&](std::uint64_t ticks_there) { spent->push_back(ticks_there); });
      }
    }
    way->departures->clear();
    turn.packets += given[i];
  }
  now_ += ticks;
  return turn;
}

// As much as the worker polls for.
std::size_t Bench::give(Way* way) {
  std::size_t count = dataplane::kBurst;
  if (way->line) {
    if (!ending_) {
      way->line->arrive(now_);
    }
    count = std::min(count, way->line->waiting());
    way->line->take(count);
  }
  if (count > 0) {
    way->from->give(0, way->traffic->packets().subspan(way->next, count));
    way->next += count;
  }
  return count;
}

Status Bench::collect(Way* way, std::size_t given) {
  std::array<rte_mbuf*, dataplane::kBurst> out;
  const std::size_t taken = way->to->take(0, out);
  std::size_t departed = 0;
  for (const Departure& departure : way->departures->log()) {
    departed += departure.packets;
  }
  if (taken != given || departed != given) {
    const std::string drops = gateway_->drops();
    return fail("of {} packets {} came out; dropped: {}", given, taken,
                drops.empty() ? "none" : drops);
  }
  if (!checked_) {
    way->first.insert(way->first.end(), out.begin(),
                      out.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  return {};
}

}  // namespace gotthard::perf::latency
