#include "serving/decoder_model.h"

#include "core/merkle.h"

namespace assay {

DecoderModel::DecoderModel(const Snapshot& snapshot, int threads)
    : root_(tiles_root(snapshot.theta).hex()), decoder_(snapshot.shape, snapshot.theta, threads) {}

}  // namespace assay
