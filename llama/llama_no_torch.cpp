// The numeric classes of a build without libtorch: exact alone.

#include "llama/llama.h"

namespace assay {

Result<std::unique_ptr<GradientModel>> make_llama(const ModelShape& shape,
                                                  NumericClass numeric_class,
                                                  const ExactOptions& options) {
    if (numeric_class != NumericClass::kExact) {
        return fail(std::string("this build has no libtorch, which numeric class ") +
                    class_name(numeric_class) +
                    " computes with: train in class exact, or build with ASSAY_WITH_TORCH=ON");
    }
    return make_exact_llama(shape, options);
}

}  // namespace assay
