#include "crypto/wide/chacha20_batch.h"
#include "crypto/wide/lanes_avx512.h"
#include "crypto/wide/poly1305_avx512.h"

namespace gotthard::crypto::wide {

const ChaChaKernel kChaChaAvx512{seal_batch<LanesAvx512, PolyVectors>,
                                 open_batch<LanesAvx512, PolyVectors>};

}  // namespace gotthard::crypto::wide
