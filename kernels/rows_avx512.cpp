// The rows kernels with Avx512 lanes. Compiled for AVX-512.
#include "kernels/lanes_avx512.h"
#include "kernels/rows_body.h"

namespace assay {

constinit const RowsPath kRowsAvx512 = RowsBody<Avx512Lanes>::path();

}  // namespace assay
