#include "core/check.h"

#include <cstdio>
#include <cstdlib>

namespace assay {

void check_failed(const char* file, int line, const char* condition, const std::string& details) {
    std::fprintf(stderr,
                 "assay: internal error at %s:%d: %s does not hold%s%s\n"
                 "This is a defect of the program, not of its input; please report it.\n",
                 file,
                 line,
                 condition,
                 details.empty() ? "" : ": ",
                 details.c_str());
    std::fflush(stderr);
    std::abort();
}

}  // namespace assay
