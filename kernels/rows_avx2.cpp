// The rows kernels with Avx2 lanes. Compiled with -mavx2 -mfma.
#include "kernels/lanes_avx2.h"
#include "kernels/rows_body.h"
#include "kernels/tile_squares.h"

namespace assay {

constinit const RowsPath kRowsAvx2 = RowsBody<Avx2Lanes>::path(tile_squares_avx2);

}  // namespace assay
