#include "crypto/wide/gcm_batch.h"
#include "crypto/wide/vector_avx2.h"

namespace gotthard::crypto::wide {

const GcmKernel kGcmAvx2{expand_gcm<Avx2>, seal_batch<Avx2>, open_batch<Avx2>};

}  // namespace gotthard::crypto::wide
