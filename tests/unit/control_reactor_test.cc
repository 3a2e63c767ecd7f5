#include "control/reactor.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

namespace gotthard::control {
namespace {

TEST(Reactor, RunsWhatIsReadyAndWhatIsDue) {
  auto reactor = Reactor::create();
  ASSERT_TRUE(reactor.has_value());
  const UniqueFd fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  int readable = 0;
  int ticks = 0;
  int turns = 0;
  ASSERT_TRUE(reactor->watch(fd.get(), [&] {
    eventfd_t value = 0;
    eventfd_read(fd.get(), &value);
    ++readable;
  }));
  reactor->every(5 * kMillisecond, [&] {
    if (++ticks == 2) {
      eventfd_write(fd.get(), 1);
    }
    if (ticks == 4) {
      reactor->stop();
    }
  });
  reactor->each_turn([&] { ++turns; });
  const Nanoseconds before = boottime_now();
  ASSERT_TRUE(reactor->run());
  EXPECT_EQ(ticks, 4);
  EXPECT_EQ(readable, 1);
  EXPECT_GE(turns, 4);
  EXPECT_GE(boottime_now() - before, 20 * kMillisecond);
}

// A callback takes away both descriptors, closes one and opens another of the same number.
TEST(Reactor, ACallbackMayUnwatchAnyDescriptor) {
  auto reactor = Reactor::create();
  ASSERT_TRUE(reactor.has_value());
  UniqueFd first(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  UniqueFd second(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  int calls = 0;
  const auto callback = [&] {
    ++calls;
    reactor->unwatch(first.get());
    reactor->unwatch(second.get());
    const int number = second.get();
    second.reset();
    second = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    EXPECT_EQ(second.get(), number);
    EXPECT_TRUE(reactor->watch(second.get(), [] { ADD_FAILURE() << "nothing to read"; }));
    eventfd_write(first.get(), 1);
  };
  ASSERT_TRUE(reactor->watch(first.get(), callback));
  ASSERT_TRUE(reactor->watch(second.get(), callback));
  reactor->every(10 * kMillisecond, [&] { reactor->stop(); });
  ASSERT_TRUE(reactor->run());
  EXPECT_EQ(calls, 1);
}

TEST(Reactor, WaitsForRoomAndThenForWhatCanBeRead) {
  auto reactor = Reactor::create();
  ASSERT_TRUE(reactor.has_value());
  const UniqueFd fd(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  int writable = 0;
  int readable = 0;
  ASSERT_TRUE(reactor->watch_writable(fd.get(), [&] {
    ++writable;
    EXPECT_TRUE(reactor->watch(fd.get(), [&] {
      ++readable;
      reactor->stop();
    }));
  }));
  ASSERT_TRUE(reactor->run());
  EXPECT_EQ(writable, 1);
  EXPECT_EQ(readable, 1);
}

TEST(Reactor, AClosedDescriptorIsAnError) {
  auto reactor = Reactor::create();
  ASSERT_TRUE(reactor.has_value());
  EXPECT_FALSE(reactor->watch(-1, [] {}).has_value());
}

}  // namespace
}  // namespace gotthard::control
