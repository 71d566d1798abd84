// Text that comes from strangers: data manifests, run files, the settings in a run's manifest.
// Nothing may crash; what is accepted is printed as the very same text, or reads back as the same.
#include <algorithm>

#include "configs/config_file.h"
#include "core/bytes.h"
#include "data/data_manifest.h"

namespace assay {

namespace {

void check_run_file(std::string_view text) {
    const Result<RunConfig> config = parse_run_config(text, "file");
    if (config) {
        const Result<RunConfig> again = parse_run_config(run_config_toml(*config), "again");
        ASSAY_CHECK(again.ok());
        ASSAY_CHECK(canonical_text(*again) == canonical_text(*config));
    }
}

// The whole text, or the usual settings with the first line's key set to what stands behind.
void check_canonical(std::string_view text) {
    std::string settings = canonical_text(RunConfig());
    const size_t cut = std::min(text.find('='), text.size());
    const size_t at = settings.find("\n" + std::string(text.substr(0, cut)) + "=");
    if (at != std::string::npos) {
        const size_t end = settings.find('\n', at + 1);
        settings.replace(at + 1, end - at - 1, text);
        text = settings;
    }
    const Result<RunConfig> config = parse_canonical_text(text);
    if (config) {
        ASSAY_CHECK(canonical_text(*config) == text);
        check_run_file(run_config_toml(*config));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string text = to_text(ByteSpan(data, size));
    const Result<DataManifest> manifest = parse_data_manifest(text);
    if (manifest) {
        ASSAY_CHECK(encode_data_manifest(*manifest) == text);
    }
    check_run_file(text);
    check_canonical(text);
    return 0;
}

}  // namespace assay
