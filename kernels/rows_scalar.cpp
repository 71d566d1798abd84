// The rows kernels with plain C++: the truth. Compiled for any CPU.
#include "kernels/lanes_scalar.h"
#include "kernels/rows_body.h"
#include "kernels/tile_squares.h"

namespace assay {

constinit const RowsPath kRowsScalar = RowsBody<ScalarLanes>::path(tile_squares_scalar);

}  // namespace assay
