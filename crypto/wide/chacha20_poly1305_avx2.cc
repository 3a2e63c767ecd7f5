#include "crypto/wide/chacha20_batch.h"
#include "crypto/wide/lanes_avx2.h"
#include "crypto/wide/poly1305_pairs.h"

namespace gotthard::crypto::wide {

const ChaChaKernel kChaChaAvx2{seal_batch<LanesAvx2, PolyPairs>, open_batch<LanesAvx2, PolyPairs>};

}  // namespace gotthard::crypto::wide
