#include "serving/decoder_model.h"

#include "core/merkle.h"

namespace assay {

DecoderModel::DecoderModel(Snapshot snapshot)
    : root_(tiles_root(snapshot.theta).hex()),
      decoder_(snapshot.shape,
               std::make_shared<const std::vector<float>>(std::move(snapshot.theta))) {}

}  // namespace assay
