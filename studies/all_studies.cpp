#include "studies/all_studies.h"

namespace assay {

const std::vector<Bench>& all_studies() {
    static const std::vector<Bench> kAll = {
        strategies_bench(), strategies_grid_bench(), format_bench(), format_loss_bench()};
    return kAll;
}

}  // namespace assay
