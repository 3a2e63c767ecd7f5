// Where the builder's parts send commands: nowhere while no data plane is attached.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "dataplane/abi/records.h"

namespace gotthard::route {

class CommandSink {
 public:
  using Emit = std::function<std::uint64_t(const abi::CommandBody&)>;
  explicit CommandSink(Emit emit) : emit_(std::move(emit)) {}

  void attach(bool attached) { attached_ = attached; }
  [[nodiscard]] bool attached() const { return attached_; }

  void send(const abi::CommandBody& body) {
    if (attached_) {
      emit_(body);
    }
  }
  // Something waits for the next TablesCommit to be carried out.
  void need_commit() { uncommitted_ = true; }
  [[nodiscard]] bool uncommitted() const { return uncommitted_; }
  // Serial of the commit; only while attached.
  std::uint64_t commit() {
    uncommitted_ = false;
    return emit_(abi::TablesCommit{});
  }

 private:
  Emit emit_;
  bool attached_ = false;
  bool uncommitted_ = false;
};

}  // namespace gotthard::route
