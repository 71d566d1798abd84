// The rows kernels with Avx512 lanes. Compiled for AVX-512.
#include "kernels/lanes_avx512.h"
#include "kernels/rows_body.h"
#include "kernels/tile_squares.h"

namespace assay {

constinit const RowsPath kRowsAvx512 = RowsBody<Avx512Lanes>::path(tile_squares_avx512);

}  // namespace assay
