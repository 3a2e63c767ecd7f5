// Which loads to try, to find for several loss ratios at once the highest load at which a device
// loses no greater part: a multiple loss ratio search in the manner of draft-ietf-bmwg-mlrsearch.
// Pure: it says which trial it wants next and is told how that ended; it measures nothing itself.
// One thread.
//
// The first trial is at the greatest load and as long as any. Then come phases whose trials grow
// longer and whose intervals halve; each starts from where the one before has ended. Every trial
// counts for all loss ratios. A load holds for a loss ratio when most trials at it lost no more. An
// interval ends below at the highest load that holds beneath all that do not: where a device loses
// at some load and not at a higher one, the higher one is not believed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace gotthard::perf::line_rate {

struct SearchOptions {
  std::vector<double> loss_ratios{0, 0.005};
  double least_rate = 1000;     // packets a second; lower ones are not tried
  double most_rate = 10000000;  // the same
  double seconds = 5;           // of trials that count in the end
  double first_seconds = 0.5;   // of those that find the way there
  double precision = 0.01;      // width of an interval, as a part of its upper end
  unsigned repeat = 1;          // trials at a load whose majority decides
  std::size_t most_trials = 200;
};

struct Trial {
  double rate = 0;  // packets a second
  double seconds = 0;
};

// How a trial ended. What was to be sent and was not counts as lost for the search, as the load
// was not carried, but not as the device's doing.
struct Outcome {
  Trial trial;
  double loss_ratio = 0;         // of what was to be sent
  double device_loss_ratio = 0;  // of what was sent
  double received_rate = 0;      // packets a second
  bool port_refused = false;     // the generator's port was full, at times
};

enum class Limit : std::uint8_t {
  device,     // it lost too much at the upper end
  port,       // the generator's port did not take the load of the upper end
  generator,  // it was too slow itself
  most_rate,  // nothing: there is no upper end
  trials,     // there were no more trials to narrow the interval with
};

struct Interval {
  double loss_ratio = 0;
  std::optional<double> lower;  // none: not even the least load holds
  std::optional<double> upper;  // none: the greatest load holds
  bool confirmed = false;       // the lower end held once more when the interval was narrow
  Limit limit = Limit::device;
};

class Search {
 public:
  explicit Search(SearchOptions options);

  // None: the search has ended. The same until add() is called.
  [[nodiscard]] std::optional<Trial> next() const;
  void add(const Outcome& outcome) { outcomes_.push_back(outcome); }

  // In the order of the options' loss ratios.
  [[nodiscard]] std::vector<Interval> intervals() const;
  [[nodiscard]] const std::vector<Outcome>& outcomes() const { return outcomes_; }

 private:
  struct Phase {
    double seconds;
    double precision;
  };
  struct Bounds;

  [[nodiscard]] Bounds bounds(double loss_ratio, double seconds) const;
  [[nodiscard]] std::optional<double> narrow(double loss_ratio, std::size_t phase) const;
  [[nodiscard]] double above(const Bounds& now, const Bounds& before, const Phase& phase) const;
  [[nodiscard]] double below(const Bounds& now, const Bounds& before, const Phase& phase) const;
  [[nodiscard]] Bounds first_guess() const;
  [[nodiscard]] std::optional<double> unconfirmed(double loss_ratio) const;
  [[nodiscard]] Limit limit_at(double loss_ratio, double upper) const;

  SearchOptions options_;
  std::vector<Phase> phases_;
  std::vector<Outcome> outcomes_;
};

}  // namespace gotthard::perf::line_rate
