// Its own header is cli/bench_command.h; compiled in builds with libtorch, as the benchmarks are.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/bench_command.h"
#include "cli/progress.h"
#include "core/fields.h"
#include "core/files.h"
#include "llama/device.h"

namespace assay {

std::string BenchCommand::call() const {
    return example.substr(0, example.find(path) + path.size());
}

namespace {

// What was given on the command line, and what may be run.
struct BenchRun {
    BenchCommand command;
    std::string name;
    std::string json_file;
    int64_t threads = 1;
    int64_t repetitions = 7;
    int64_t seeds = 3;
    int64_t first_seed = 0;
    std::string vary;
    std::string text;
    std::string against;
    std::string parameters;
    std::string plot_file;
    bool tiny = false;
};

void list_benches(const BenchCommand& command) {
    for (const Bench& bench : command.benches) {
        std::printf("%-14s %s\n", bench.name.c_str(), bench.summary.c_str());
    }
    std::printf("\nRun one with: %s NAME\n", command.call().c_str());
}

void print_rows(const std::vector<BenchRow>& rows) {
    std::printf(
        "%-30s %13s %-12s %7s %3s  %s\n", "row", "value", "unit", "ratio", "thr", "against");
    for (const BenchRow& row : rows) {
        char ratio[32] = "";
        if (row.ratio != 0) {
            std::snprintf(ratio, sizeof(ratio), "%.3f", row.ratio);
        }
        std::printf("%-30s %13.5g %-12s %7s %3d  %s\n",
                    row.name.c_str(),
                    row.value,
                    row.unit.c_str(),
                    ratio,
                    row.threads,
                    row.against.c_str());
        if (!row.note.empty()) {
            std::printf("    %s\n", row.note.c_str());
        }
        if (!row.context.empty()) {
            std::printf("    %s\n", row.context.c_str());
        }
    }
}

std::string rows_json(const std::vector<BenchRow>& rows) {
    nlohmann::json list = nlohmann::json::array();
    for (const BenchRow& row : rows) {
        list.push_back({{"name", row.name},
                        {"value", row.value},
                        {"unit", row.unit},
                        {"against", row.against},
                        {"ratio", row.ratio},
                        {"threads", row.threads},
                        {"note", row.note},
                        {"context", row.context}});
    }
    return list.dump(1) + "\n";
}

bool write_file(const std::string& file, const std::string& text) {
    const Status written = write_file_atomically(file, as_bytes(text));
    if (!written) {
        failed(written.reason());
    }
    return written.ok();
}

// A run may take minutes: say before it that its file has no folder.
bool has_folder(const std::string& file) {
    const std::filesystem::path folder = std::filesystem::path(file).parent_path();
    std::error_code ignored;
    if (folder.empty() || std::filesystem::is_directory(folder, ignored)) {
        return true;
    }
    failed(file + ": there is no folder " + folder.string());
    return false;
}

BenchOptions options_of(const BenchRun& given) {
    BenchOptions options;
    options.threads = static_cast<int>(given.threads);
    options.repetitions = static_cast<int>(given.repetitions);
    options.seeds = given.seeds;
    options.first_seed = given.first_seed;
    options.vary = given.vary;
    options.text = given.text;
    options.tiny = given.tiny;
    options.against = given.against;
    options.parameters = given.parameters;
    options.plot = given.plot_file;
    return options;
}

int run_bench(const Bench& bench, const BenchRun& given) {
    BenchOptions options = options_of(given);
    const std::string refused = refusal(bench, options);
    if (!refused.empty()) {
        std::fprintf(stderr, "assay: %s\n", refused.c_str());
        return kExitUsage;
    }
    if (const Status usable = check_torch_path(); !usable) {
        return failed(usable.reason());
    }
    if (!has_folder(given.json_file) || !has_folder(given.plot_file)) {
        return kExitFailed;
    }
    ProgressBar bar(bench.name);
    options.progress = [&](double part) { bar.show(part); };
    Result<std::vector<BenchRow>> rows = bench.run(options);
    bar.done();
    if (!rows) {
        return failed(rows.reason());
    }
    print_rows(*rows);
    if (!given.json_file.empty() && !write_file(given.json_file, rows_json(*rows))) {
        return kExitFailed;
    }
    if (!given.plot_file.empty() && !write_file(given.plot_file, bench.plot(*rows))) {
        return kExitFailed;
    }
    return kExitOk;
}

int bench(const BenchRun& given) {
    if (given.name.empty()) {
        list_benches(given.command);
        return kExitOk;
    }
    std::vector<std::string> names;
    for (const Bench& candidate : given.command.benches) {
        if (candidate.name == given.name) {
            return run_bench(candidate, given);
        }
        names.push_back(candidate.name);
    }
    const std::string near = nearest_name(given.name, names);
    const std::string help =
        near.empty() ? " List them with: " + given.command.call() : " Did you mean `" + near + "`?";
    std::fprintf(stderr,
                 "assay: there is no %s `%s`.%s\n",
                 given.command.noun.c_str(),
                 given.name.c_str(),
                 help.c_str());
    return kExitUsage;
}

}  // namespace

void add_bench_command(CommandLine& line, BenchCommand command) {
    const auto run = std::make_shared<BenchRun>();
    run->command = std::move(command);
    const BenchCommand& spec = run->command;
    const auto any = [&spec](const auto& takes) {
        return std::any_of(spec.benches.begin(), spec.benches.end(), takes);
    };
    Command& added =
        line.add(spec.path, spec.summary, spec.example, [run] { return bench(*run); })
            .optional_positional("NAME", run->name, spec.noun + " to run; without it: the list")
            .text("--json", run->json_file, "also write the rows to this file")
            .number("--threads", run->threads, 1, 256, "threads")
            .number("--repetitions",
                    run->repetitions,
                    1,
                    1000,
                    "repetitions of each side; below 7 for a first look only")
            .number("--seeds", run->seeds, 1, 100, "seeds, where something is trained")
            .number("--first-seed", run->first_seed, 0, 1 << 30, "the first of these seeds")
            .text("--text", run->text, "text file, where something is trained")
            .text("--against", run->against, "only rows against this: libtorch, torch")
            .toggle("--tiny", run->tiny, "the smallest sizes, to see that it works");
    if (any([](const Bench& one) { return !one.parameters.empty(); })) {
        added.text(
            "--parameters",
            run->parameters,
            "size of the model: 1M, 10M, 100M (minutes, 7 GB) for format, 1M for format_loss");
    }
    if (any([](const Bench& one) { return one.sweeps; })) {
        added.text("--vary",
                   run->vary,
                   "for format_loss: \"keep=64,96 beta=0.6\" is two; \"?=\" lists the keys");
    }
    if (any([](const Bench& one) { return one.plot != nullptr; })) {
        added.text("--plot", run->plot_file, "also draw the rows as an SVG file");
    }
}

}  // namespace assay
