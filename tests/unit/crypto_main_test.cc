// init() once for all tests of the area, as each program does it.
#include <gtest/gtest.h>

#include "crypto/init.h"

namespace {

class InitCrypto : public testing::Environment {
 public:
  void SetUp() override {
    const gotthard::Status status = gotthard::crypto::init();
    ASSERT_TRUE(status) << status.error().message;
    ASSERT_TRUE(gotthard::crypto::init()) << "a second call changes nothing";
  }
};

const auto* const kEnvironment = testing::AddGlobalTestEnvironment(new InitCrypto);

}  // namespace
