// Runs small concurrent programs under every order in which their accesses to shared memory can
// happen (sequential consistency): each program stops before each access, and one at a time is let
// go on. The programs are contexts of one thread, so that thousands of orders take a second.
#pragma once

#include <ucontext.h>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace gotthard::test {

class Interleavings {
 public:
  using Program = std::function<void()>;

  // Called by the code under test before each access; does nothing outside of explore().
  static void access() {
    if (self != nullptr) {
      swapcontext(&self->context, &scheduler);
    }
  }

  // `start` makes the programs of one run anew, `check` looks at what came of it; false ends it.
  // The number of orders tried.
  static std::size_t explore(const std::function<std::vector<Program>()>& start,
                             const std::function<bool()>& check) {
    std::vector<Choice> path;
    std::size_t runs = 0;
    do {
      run(start(), &path);
      ++runs;
      if (!check()) {
        break;
      }
    } while (next(&path));
    return runs;
  }

 private:
  struct Worker {
    ucontext_t context{};
    Program program;
    bool done = false;
    std::array<std::byte, 65536> stack;
  };
  struct Choice {
    std::size_t taken;
    std::size_t options;
  };
  static inline ucontext_t scheduler{};
  static inline Worker* self = nullptr;

  static void enter() {
    self->program();
    self->done = true;
  }

  static void run(std::vector<Program> programs, std::vector<Choice>* path) {
    std::vector<std::unique_ptr<Worker>> workers;
    for (Program& program : programs) {
      Worker* worker = workers.emplace_back(new Worker).get();
      worker->program = std::move(program);
      getcontext(&worker->context);
      worker->context.uc_stack.ss_sp = worker->stack.data();
      worker->context.uc_stack.ss_size = worker->stack.size();
      worker->context.uc_link = &scheduler;
      makecontext(&worker->context, &enter, 0);
    }
    for (std::size_t step = 0;; ++step) {
      std::vector<Worker*> ready;
      for (const auto& worker : workers) {
        if (!worker->done) {
          ready.push_back(worker.get());
        }
      }
      if (ready.empty()) {
        break;
      }
      if (step == path->size()) {
        path->push_back({.taken = 0, .options = ready.size()});
      }
      self = ready[(*path)[step].taken];
      swapcontext(&scheduler, &self->context);
      self = nullptr;
    }
  }

  // The next path in depth-first order.
  static bool next(std::vector<Choice>* path) {
    while (!path->empty() && path->back().taken + 1 == path->back().options) {
      path->pop_back();
    }
    if (path->empty()) {
      return false;
    }
    ++path->back().taken;
    return true;
  }
};

}  // namespace gotthard::test
