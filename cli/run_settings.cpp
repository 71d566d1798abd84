#include "cli/run_settings.h"

#include <utility>

#include "configs/config_file.h"

namespace assay {

namespace {

Result<RunConfig> changed(RunConfig config, std::string all) {
    while (!all.empty()) {
        const std::string one = all.substr(0, all.find(','));
        all.erase(0, one.size() + 1);
        const size_t equals = one.find('=');
        if (one.empty()) {
            continue;
        }
        if (equals == std::string::npos) {
            return fail("--set " + one + ": expected section.key=value");
        }
        if (Status set = set_setting(config, one.substr(0, equals), one.substr(equals + 1)); !set) {
            return fail("--set " + one + ": " + set.reason());
        }
    }
    const Status whole = check_config(config);
    return whole ? Result<RunConfig>(std::move(config)) : Result<RunConfig>(whole.error());
}

}  // namespace

Result<RunConfig> read_run_settings(const std::string& file, const std::string& set) {
    Result<RunConfig> config = load_run_config(file);
    return config ? changed(std::move(*config), set) : config;
}

Result<RunConfig> changed_defaults(const std::string& set) {
    return changed(RunConfig{}, set);
}

}  // namespace assay
