// Why the update format is what it is: what other codings, values and selections cost or keep, on
// what the compressor sees in a real training run (early, middle, late) and on made values.

#include "compression/error_feedback.h"
#include "studies/all_studies.h"
#include "studies/format_costs.h"
#include "studies/format_parts.h"
#include "studies/format_plot.h"
#include "studies/format_samples.h"

namespace assay {

namespace {

SparseUpdate update_of(const FormatSample& sample) {
    std::vector<float> values = sample.values;
    return code_values(values, sample.layout, kFormatKeep);
}

class Rows {
public:
    void add(const std::string& name, double value, const char* unit, std::string note = "") {
        rows_.push_back({name, value, unit, "", 0, 1, std::move(note)});
    }
    void add_bits(const FormatSample& sample, const SparseUpdate& update) {
        const IndexBits bits = index_bits(sample, update);
        const std::string at = sample.name + "." + sample.kind + ".";
        constexpr const char* kUnit = "bits/value";
        add(at + "all",
            current_bits(update, sample.layout, kFormatKeep),
            kUnit,
            std::to_string(sample.layout.live_count()) + " values, " +
                std::to_string(kept_values(update)) + " kept");
        const PartBits parts = part_bits(update, sample.layout, kFormatKeep);
        add(at + "indices", parts.indices, kUnit);
        add(at + "signs", parts.signs, kUnit);
        add(at + "magnitudes", parts.magnitudes, kUnit);
        add(at + "scales", parts.scales, kUnit);
        add(at + "indices_rice5", bits.rice5, kUnit);
        add(at + "indices_rice_adaptive", bits.rice_adaptive, kUnit);
        add(at + "indices_elias_fano", bits.elias_fano, kUnit);
        add(at + "indices_enumerative", bits.enumerative, kUnit);
        add(at + "indices_gap_entropy", bits.gap_entropy, kUnit);
        add(at + "indices_row_ideal", bits.row_ideal, kUnit);
        add(at + "indices_column_ideal", bits.column_ideal, kUnit);
        add(at + "indices_row_column_ideal", bits.row_column_ideal, kUnit);
        if (bits.last_round_ideal > 0) {
            add(at + "indices_last_round_ideal", bits.last_round_ideal, kUnit);
        }
    }
    // Of what is kept, the share of the energy that the codes lose.
    void add_values(const FormatSample& sample, const SparseUpdate& update) {
        const std::vector<std::pair<const char*, ValueCoding>> codings = {
            {"1_bit", {1, Split::kMean, false, {}}},
            {"2_bits_own", {2, Split::kOutliers, false, {}}},
            {"2_bits_mean", {2, Split::kMean, false, {}}},
            {"2_bits_median", {2, Split::kMedian, false, {}}},
            {"2_bits_lloyd", {2, Split::kLloyd, false, {}}},
            {"3_bits_lloyd", {3, Split::kLloyd, false, {}}},
            {"1_bit_a_tensor", {1, Split::kMean, true, {}}},
            {"2_bits_lloyd_a_tensor", {2, Split::kLloyd, true, {}}},
            {"own_fp16", {2, Split::kOutliers, false, to_fp16}},
            {"own_bf16", {2, Split::kOutliers, false, to_bf16}},
            {"own_scale12", {2, Split::kOutliers, false, to_scale12}},
            {"own_log8", {2, Split::kOutliers, false, to_log8}}};
        for (const auto& [name, coding] : codings) {
            const ValueQuality quality = value_quality(sample, update, coding);
            add(sample.name + ".lost." + name, quality.lost, "of kept");
            add(sample.name + ".cosine." + name, quality.cosine, "cosine");
            if (coding.bits > 1 && !coding.scale) {
                add(sample.name + ".magnitude_ideal." + name, quality.magnitude_bits, "bits/value");
            }
        }
    }
    void add_selections(const FormatSample& sample) {
        const std::string at = sample.name + ".kept.";
        for (const uint32_t keep : {32U, 64U, 128U}) {
            for (const auto& [name, selection] : {std::pair{"rows_", Selection::kRows},
                                                  std::pair{"blocks_", Selection::kBlocks},
                                                  std::pair{"spread_", Selection::kSpread}}) {
                std::string row = at;
                row.append(name).append(std::to_string(keep));
                add(row, energy_kept(sample, selection, keep), "of energy");
            }
        }
    }
    void add_vectors(const FormatSample& sample, const SparseUpdate& update) {
        const VectorCosts costs = vector_costs(sample, update, kFormatKeep);
        const std::string at = sample.name + ".1d.";
        add(at + "energy", costs.energy, "of energy");
        add(at + "kept", costs.kept, "of its energy");
        add(at + "sparse", costs.sparse_bits, "bits/live");
        add(at + "dense16_adds", costs.dense_added, "bits/value");
    }
    std::vector<BenchRow> take() { return std::move(rows_); }

private:
    std::vector<BenchRow> rows_;
};

void add_all(Rows& rows, const FormatSample& sample, bool real) {
    const SparseUpdate update = update_of(sample);
    rows.add_bits(sample, update);
    rows.add_values(sample, update);
    rows.add_selections(sample);
    if (!real) {
        return;
    }
    rows.add_vectors(sample, update);
    for (const char* kind : {"embedding", "attention", "mlp", "norm"}) {
        const FormatSample only = only_kind(sample, kind);
        rows.add_bits(only, update_of(only));
    }
}

Result<std::vector<BenchRow>> run_format(const BenchOptions& options) {
    const Result<std::vector<FormatSample>> real = real_samples(options);
    if (!real) {
        return real.error();
    }
    Rows rows;
    double done = 0;
    for (const FormatSample& sample : *real) {
        add_all(rows, sample, true);
        tell(options, 0.5 + 0.45 * ++done / static_cast<double>(real->size()));
    }
    for (const FormatSample& sample : made_samples(options.tiny)) {
        add_all(rows, sample, false);
    }
    return rows.take();
}

std::vector<std::string> run_names() {
    std::vector<std::string> names;
    for (const FormatRun& run : format_runs()) {
        names.push_back(run.name);
    }
    return names;
}

}  // namespace

Bench format_bench() {
    Bench bench{"format",
                "Bits, error and energy kept of the update format beside other codings",
                run_format};
    bench.parameters = run_names();
    bench.plot = format_plot;
    return bench;
}

}  // namespace assay
