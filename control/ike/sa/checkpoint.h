// An IKE SA as bytes, for the checkpoint that outlives a crash of control: keys, message ids, the
// last request and response, the exchange in flight, children.
#pragma once

#include "base/result.h"
#include "control/ike/sa/core.h"

namespace gotthard::ike {

// Of an SA that is past IKE_AUTH.
[[nodiscard]] crypto::SecretBytes serialise(const IkeSa& sa);
// Its connection is looked up by name. Initialisation vectors that may have been used are skipped.
[[nodiscard]] Result<std::unique_ptr<IkeSa>> deserialise(const Core& core, Bytes state);

}  // namespace gotthard::ike
