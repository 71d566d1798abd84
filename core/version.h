// Which Assay this is: said once, in CMakeLists.txt.

#pragma once

namespace assay {

// "0.1.0"; of the whole repository.
[[nodiscard]] const char* assay_version();

}  // namespace assay
