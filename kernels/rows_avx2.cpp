// The rows kernels with Avx2 lanes. Compiled with -mavx2 -mfma.
#include "kernels/lanes_avx2.h"
#include "kernels/rows_body.h"

namespace assay {

constinit const RowsPath kRowsAvx2 = RowsBody<Avx2Lanes>::path();

}  // namespace assay
