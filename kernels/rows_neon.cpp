// The rows kernels with Neon lanes. Compiled for arm64.
#include "kernels/lanes_neon.h"
#include "kernels/rows_body.h"
#include "kernels/tile_squares.h"

namespace assay {

constinit const RowsPath kRowsNeon = RowsBody<NeonLanes>::path(tile_squares_scalar);

}  // namespace assay
