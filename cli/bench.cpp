// `assay bench [NAME]`: lists the benchmarks, or runs one and prints its rows.

#include "benchmarks/bench.h"

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/progress.h"
#include "core/fields.h"
#include "core/files.h"
#include "llama/device.h"

namespace assay {

namespace {

struct BenchCommand {
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

void list_benches() {
    for (const Bench& bench : all_benches()) {
        std::printf("%-14s %s\n", bench.name.c_str(), bench.summary.c_str());
    }
    std::printf("\nRun one with: assay bench NAME\n");
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

BenchOptions options_of(const BenchCommand& command) {
    BenchOptions options;
    options.threads = static_cast<int>(command.threads);
    options.repetitions = static_cast<int>(command.repetitions);
    options.seeds = command.seeds;
    options.first_seed = command.first_seed;
    options.vary = command.vary;
    options.text = command.text;
    options.tiny = command.tiny;
    options.against = command.against;
    options.parameters = command.parameters;
    options.plot = command.plot_file;
    return options;
}

int run_bench(const Bench& bench, const BenchCommand& command) {
    BenchOptions options = options_of(command);
    const std::string refused = refusal(bench, options);
    if (!refused.empty()) {
        std::fprintf(stderr, "assay: %s\n", refused.c_str());
        return kExitUsage;
    }
    if (const Status usable = check_torch_path(); !usable) {
        return failed(usable.reason());
    }
    if (!has_folder(command.json_file) || !has_folder(command.plot_file)) {
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
    if (!command.json_file.empty() && !write_file(command.json_file, rows_json(*rows))) {
        return kExitFailed;
    }
    if (!command.plot_file.empty() && !write_file(command.plot_file, bench.plot(*rows))) {
        return kExitFailed;
    }
    return kExitOk;
}

int bench(const BenchCommand& command) {
    if (command.name.empty()) {
        list_benches();
        return kExitOk;
    }
    std::vector<std::string> names;
    for (const Bench& candidate : all_benches()) {
        if (candidate.name == command.name) {
            return run_bench(candidate, command);
        }
        names.push_back(candidate.name);
    }
    const std::string near = nearest_name(command.name, names);
    std::fprintf(
        stderr,
        "assay: there is no benchmark `%s`.%s\n",
        command.name.c_str(),
        near.empty() ? " List them with: assay bench" : (" Did you mean `" + near + "`?").c_str());
    return kExitUsage;
}

}  // namespace

void add_bench(CommandLine& line) {
    static BenchCommand command;
    line.add("bench",
             "Measure this machine: list the benchmarks, or run one",
             "assay bench compression --threads 1 --json rows.json",
             [] { return bench(command); })
        .optional_positional("NAME", command.name, "benchmark to run; without it: the list")
        .text("--json", command.json_file, "also write the rows to this file")
        .number("--threads", command.threads, 1, 256, "threads")
        .number("--repetitions",
                command.repetitions,
                1,
                1000,
                "repetitions of each side; below 7 for a first look only")
        .number("--seeds", command.seeds, 1, 100, "seeds, for benchmarks that train")
        .number("--first-seed", command.first_seed, 0, 1 << 30, "the first of these seeds")
        .text("--text", command.text, "text file, for benchmarks that train")
        .text("--against", command.against, "only rows against this: libtorch, torch")
        .text("--parameters",
              command.parameters,
              "size of the model: 1M, 10M, 100M (minutes, 7 GB) for format, 1M for format_loss")
        .text("--vary",
              command.vary,
              "for format_loss: \"keep=64,96 beta=0.6\" is two; \"?=\" lists the keys")
        .text("--plot", command.plot_file, "also draw the rows as an SVG file: format, format_loss")
        .toggle("--tiny", command.tiny, "the smallest sizes, to see that it works");
}

}  // namespace assay
