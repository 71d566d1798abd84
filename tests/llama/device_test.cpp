// What `assay doctor` says of the tensor library.

#include "llama/device.h"

#include <catch2/catch.hpp>

namespace assay {
namespace {

TEST_CASE("the machine's tensor library is described", "[llama]") {
    const std::string text = describe_torch();
    INFO(text);
    CHECK(text.find("libtorch 2.") != std::string::npos);
    CHECK(text.find(cuda_driver_found() ? "a CUDA driver is here" : "no CUDA driver") !=
          std::string::npos);
}

}  // namespace
}  // namespace assay
