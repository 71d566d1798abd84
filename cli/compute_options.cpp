#include "cli/compute_options.h"

#include "kernels/kernel_path.h"
#include "llama/device.h"
#include "llama/llama.h"

namespace assay {

void add_compute_options(Command& command, ComputeOptions& options, const std::string& what) {
    command.number("--threads", options.threads, 1, 1024, what)
        .choice("--kernels",
                options.kernels,
                {"auto", "scalar", "avx2", "avx512", "neon"},
                "form of the kernels; all give the same bits");
}

void add_training_options(Command& command, ComputeOptions& options, const std::string& what) {
    add_compute_options(command, options, what);
    command.toggle("--recompute-layers",
                   options.recompute_layers,
                   "less memory for a third more time: the same bits (class exact)");
}

Status force_kernels(const ComputeOptions& options) {
    if (Status forced = force_kernel_path(options.kernels); !forced) {
        return fail("--kernels: " + forced.reason() + "; name one of these, or leave it out");
    }
    return {};
}

Status use_kernels(const ComputeOptions& options) {
    const Status forced = force_kernels(options);
    return forced ? check_torch_path() : forced;
}

ModelMaker model_maker(const ComputeOptions& options) {
    return [recompute = options.recompute_layers](
               const RunConfig& config, NumericClass numeric_class, int threads) {
        return make_llama(config.model, numeric_class, {threads, recompute});
    };
}

}  // namespace assay
