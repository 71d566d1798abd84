// What other codings, other values and other selections of a sparse update would cost or keep.
//
// Costs are counted, nothing is coded: the one codec is compression/. A sample is what a compressor
// is about to choose from, a = beta e + d, of one or more tensors. Stateless.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compression/sparse_update.h"
#include "studies/value_levels.h"

namespace assay {

struct FormatSample {
    std::string name;  // "late", "gaussian"
    std::string kind;  // "embedding", "attention", "mlp", "norm"; "all"
    ParameterLayout layout;
    std::vector<float> values;  // layout order, padding zero
    SparseUpdate before;        // what was sent in the round before; no chunks: none
};
// ||values||^2.
double energy_of(std::span<const float> values);

// The tensors of `kind` alone.
FormatSample only_kind(const FormatSample& sample, const std::string& kind);
std::string kind_of_tensor(const std::string& name);

// --- Bits a kept value ---

struct IndexBits {
    double rice5 = 0;          // Rice, r = 5
    double rice_adaptive = 0;  // the best r of each chunk, said in 4 bits
    double elias_fano = 0;
    double enumerative = 0;  // log2 of the number of such choices
    double gap_entropy = 0;  // of all gaps, order 0: what an ideal table would cost, itself free
    // Ideal coders behind adaptive models of density (index_models.h). The last one also knows
    // what was sent in the round before: 0 if that is not known.
    double row_ideal = 0;
    double column_ideal = 0;
    double row_column_ideal = 0;
    double last_round_ideal = 0;
};
IndexBits index_bits(const FormatSample& sample, const SparseUpdate& update);
// Everything but the header: indices, signs, magnitudes, scales, lengths.
double current_bits(const SparseUpdate& update, const ParameterLayout& layout, uint32_t keep);

// Tensors of one dimension, sparse like the others or dense.
struct VectorCosts {
    double energy = 0;       // their share of all energy
    double kept = 0;         // of that energy, what is kept of them
    double sparse_bits = 0;  // a live value of theirs
    double dense_added = 0;  // bits a kept value of the whole payload that fp16 would add
};
VectorCosts vector_costs(const FormatSample& sample, const SparseUpdate& update, uint32_t keep);

// --- Values ---

struct ValueQuality {
    double lost = 0;            // ||a - q||^2 / ||a||^2 over what is kept
    double energy = 0;          // ||q||^2 / ||a||^2 over what is kept
    double cosine = 0;          // of q and the whole of a: what the direction of the step keeps
    double magnitude_bits = 0;  // a kept value, by an ideal adaptive coder of order 0
};
ValueQuality value_quality(const FormatSample& sample,
                           const SparseUpdate& update,
                           const ValueCoding& coding);

// The nearest magnitude that the format has; its own sign is kept elsewhere.
double to_fp16(double value);
double to_bf16(double value);
double to_scale12(double value);
double to_log8(double value);  // 2^(x / 4 - 44), x of 8 bits

// --- Selection ---

enum class Selection : uint8_t {
    kRows,     // k of 4096 consecutive values
    kBlocks,   // k of 64 x 64 of a matrix
    kSpread,   // as many of each tensor, wherever they are
    kByEnergy  // as many of each tensor, each 4096 in proportion to their energy
};
// The places of a tensor in parts that each choose for themselves, each rising.
std::vector<std::vector<uint64_t>> parts_of(const TensorLayout& tensor, Selection selection);
// How many each part keeps of `values`, those of the tensor. The sum is that of the parts of rows,
// but for blocks, whose parts round for themselves.
std::vector<uint64_t> kept_of_parts(const TensorLayout& tensor,
                                    std::span<const float> values,
                                    const std::vector<std::vector<uint64_t>>& parts,
                                    Selection selection,
                                    uint32_t keep);
double log2_choose(double n, double k);
// ||kept||^2 / ||a||^2.
double energy_kept(const FormatSample& sample, Selection selection, uint32_t keep);

}  // namespace assay
