#include "crypto/wide/gcm_batch.h"
#include "crypto/wide/vector_avx512.h"

namespace gotthard::crypto::wide {

const GcmKernel kGcmAvx512{expand_gcm<Avx512>, seal_batch<Avx512>, open_batch<Avx512>};

}  // namespace gotthard::crypto::wide
