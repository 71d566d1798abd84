#include "studies/format_plot.h"

#include <limits>
#include <map>
#include <utility>

#include "status/dot_chart.h"

namespace assay {

namespace {

constexpr double kTargetBits = 9.36;  // what uniform indices and two bits of value cost
const std::vector<std::string> kSamples = {
    "early", "middle", "late", "gaussian", "laplace", "student_t3"};

// A label and the part of a row's name behind the sample's.
using Wanted = std::vector<std::pair<const char*, const char*>>;

const Wanted kBits = {{"all included", ".all.all"},
                      {"embedding, all included", ".embedding.all"},
                      {"attention, all included", ".attention.all"},
                      {"mlp, all included", ".mlp.all"},
                      {"indices: current", ".all.indices"},
                      {"Rice 5", ".all.indices_rice5"},
                      {"adaptive Rice", ".all.indices_rice_adaptive"},
                      {"Elias-Fano", ".all.indices_elias_fano"},
                      {"enumerative", ".all.indices_enumerative"},
                      {"gap entropy", ".all.indices_gap_entropy"},
                      {"row density, ideal", ".all.indices_row_ideal"},
                      {"column density, ideal", ".all.indices_column_ideal"},
                      {"row and column, ideal", ".all.indices_row_column_ideal"},
                      {"and last round, ideal", ".all.indices_last_round_ideal"}};
const Wanted kLost = {{"1 bit", ".lost.1_bit"},
                      {"2 bits, own split", ".lost.2_bits_own"},
                      {"2 bits, mean", ".lost.2_bits_mean"},
                      {"2 bits, median", ".lost.2_bits_median"},
                      {"2 bits, Lloyd-Max", ".lost.2_bits_lloyd"},
                      {"3 bits, Lloyd-Max", ".lost.3_bits_lloyd"},
                      {"1 bit, a tensor", ".lost.1_bit_a_tensor"},
                      {"2 bits, a tensor", ".lost.2_bits_lloyd_a_tensor"},
                      {"own split, fp16", ".lost.own_fp16"},
                      {"own split, bf16", ".lost.own_bf16"},
                      {"own split, 12 bits", ".lost.own_scale12"},
                      {"own split, 8-bit log", ".lost.own_log8"}};
const Wanted kKept = {{"rows, k 32", ".kept.rows_32"},
                      {"blocks, k 32", ".kept.blocks_32"},
                      {"spread, k 32", ".kept.spread_32"},
                      {"rows, k 64", ".kept.rows_64"},
                      {"blocks, k 64", ".kept.blocks_64"},
                      {"spread, k 64", ".kept.spread_64"},
                      {"rows, k 128", ".kept.rows_128"},
                      {"blocks, k 128", ".kept.blocks_128"},
                      {"spread, k 128", ".kept.spread_128"}};

std::vector<DotLine> lines_of(const std::map<std::string, double>& values, const Wanted& wanted) {
    std::vector<DotLine> lines;
    for (const auto& [label, name] : wanted) {
        DotLine line{label, {}};
        for (const std::string& sample : kSamples) {
            const auto value = values.find(sample + name);
            line.values.push_back(value == values.end() ? std::numeric_limits<double>::quiet_NaN()
                                                        : value->second);
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

}  // namespace

std::string format_plot(const std::vector<BenchRow>& rows) {
    std::map<std::string, double> values;
    std::string size;
    for (const BenchRow& row : rows) {
        values[row.name] = row.value;
        if (row.name == "late.all.all") {
            size = row.note;
        }
    }
    DotPanel bits{"Bits a kept value, by coding", "bits", lines_of(values, kBits)};
    bits.mark_label = "target";
    bits.mark = kTargetBits;
    DotPanel lost{"Kept energy lost, by coding of values", "share", lines_of(values, kLost)};
    lost.logarithmic = true;
    DotPanel kept{"Energy kept, by selection", "share of all energy", lines_of(values, kKept)};
    kept.from_zero = true;
    return dot_chart_svg({"assay-studies run format, " + size, kSamples, {bits, lost, kept}});
}

}  // namespace assay
