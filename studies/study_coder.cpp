#include "studies/study_coder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>

#include "studies/index_models.h"

namespace assay {

namespace {

using Places = std::vector<uint64_t>;

double scaled(double magnitude, ScaleFormat format) {
    switch (format) {
        case ScaleFormat::kFp16:
            return to_fp16(magnitude);
        case ScaleFormat::kBf16:
            return to_bf16(magnitude);
        case ScaleFormat::kLog8:
            return to_log8(magnitude);
        case ScaleFormat::k12Bits:
            break;
    }
    return to_scale12(magnitude);
}

// The number that stands for a scale above zero: neighbours differ by 1.
int64_t pattern(double scale, ScaleFormat format) {
    if (format == ScaleFormat::kLog8) {
        return std::lround(4 * (std::log2(scale) + 44));
    }
    const int dropped = format == ScaleFormat::kFp16 ? 13 : format == ScaleFormat::kBf16 ? 16 : 19;
    return std::bit_cast<uint32_t>(static_cast<float>(scale)) >> dropped;
}

// Numbers that an adaptive model of their mean codes: bits each, of a geometric distribution.
double geometric_bits(double mean) {
    return mean > 0 ? (mean + 1) * std::log2(mean + 1) - mean * std::log2(mean) : 0;
}

// The `count` largest that are not zero, rising; ties: lower place, as in the format.
Places largest_of(const Places& places, std::span<const float> values, uint64_t count) {
    struct Candidate {
        float magnitude;
        uint64_t place;
    };
    std::vector<Candidate> candidates;
    for (const uint64_t place : places) {
        if (values[place] != 0) {
            candidates.push_back({std::fabs(values[place]), place});
        }
    }
    const size_t kept = std::min<size_t>(count, candidates.size());
    std::nth_element(candidates.begin(),
                     candidates.begin() + static_cast<std::ptrdiff_t>(kept),
                     candidates.end(),
                     [](const Candidate& a, const Candidate& b) {
                         return a.magnitude != b.magnitude ? a.magnitude > b.magnitude
                                                           : a.place < b.place;
                     });
    Places chosen;
    for (size_t i = 0; i < kept; ++i) {
        chosen.push_back(candidates[i].place);
    }
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

class StudyCoder {
public:
    StudyCoder(std::span<float> values, const ParameterLayout& layout, const StudyCoding& coding)
        : values_(values), layout_(layout), coding_(coding), value_coding_(coding.values) {
        update_.q.assign(values.size(), 0.0F);
        value_coding_.scale = [this](double magnitude) {
            return scaled(magnitude, coding_.scales);
        };
        levels_.resize(size_t{1} << (coding.values.bits - 1));
        classes_.resize(levels_.size());
    }
    StudyCoder(const StudyCoder&) = delete;
    StudyCoder& operator=(const StudyCoder&) = delete;

    StudyUpdate code(uint32_t keep) {
        for (const TensorLayout& tensor : layout_.tensors) {
            first_ = tensor.first_value();
            if (coding_.dense_vectors && tensor.rows == 1) {
                add_dense(tensor);
            } else {
                add_sparse(tensor, keep);
            }
        }
        update_.bits += 8 * kPayloadHeaderBytes + sparse_ * (1 + adaptive_bits(classes_));
        for (const LevelCost& level : levels_) {
            update_.bits += level.count * geometric_bits(level.moved / std::max(1.0, level.count));
        }
        return std::move(update_);
    }

private:
    struct LevelCost {
        int64_t before = 0;  // 0: none yet
        double moved = 0;    // sum of folded differences
        double count = 0;
    };

    void add_dense(const TensorLayout& tensor) {
        for (uint64_t place = 0; place < tensor.live(); ++place) {
            const auto value = static_cast<double>(values_[first_ + place]);
            send(place, static_cast<float>(std::copysign(to_fp16(std::abs(value)), value)));
        }
        update_.kept += tensor.live();
        update_.bits += 16.0 * static_cast<double>(tensor.live());
    }

    void add_sparse(const TensorLayout& tensor, uint32_t keep) {
        const std::span<const float> values = values_.subspan(first_, tensor.live());
        const auto parts = parts_of(tensor, coding_.selection);
        const auto counts = kept_of_parts(tensor, values, parts, coding_.selection, keep);
        Places all;
        std::vector<Places> groups;
        for (size_t i = 0; i < parts.size(); ++i) {
            groups.push_back(largest_of(parts[i], values, counts[i]));
            all.insert(all.end(), groups.back().begin(), groups.back().end());
            update_.bits += log2_choose(static_cast<double>(parts[i].size()),
                                        static_cast<double>(groups.back().size()));
        }
        if (coding_.selection == Selection::kByEnergy) {  // how many of them each part has
            const auto others = static_cast<double>(parts.size() - 1);
            update_.bits += log2_choose(static_cast<double>(all.size()) + others, others);
        }
        if (coding_.selection == Selection::kSpread) {
            groups = by_chunk(all);
        }
        if (coding_.values.per_tensor) {
            groups = {all};
        }
        for (const Places& group : groups) {
            add_group(group);
        }
    }

    static std::vector<Places> by_chunk(const Places& places) {
        std::vector<Places> chunks;
        for (size_t i = 0; i < places.size(); ++i) {
            if (i == 0 || places[i] / kTileValues != places[i - 1] / kTileValues) {
                chunks.emplace_back();
            }
            chunks.back().push_back(places[i]);
        }
        return chunks;
    }

    // Values that share their magnitudes.
    void add_group(const Places& places) {
        if (places.empty()) {
            return;
        }
        std::vector<double> magnitudes;
        for (const uint64_t place : places) {
            magnitudes.push_back(std::abs(static_cast<double>(values_[first_ + place])));
        }
        const MagnitudeClasses classes = magnitude_classes(magnitudes, value_coding_);
        for (size_t i = 0; i < places.size(); ++i) {
            const size_t level = classes.of(magnitudes[i]);
            const auto magnitude = static_cast<float>(classes.coded[level]);
            if (magnitude != 0) {
                ++update_.kept;
                ++sparse_;
                ++classes_[classes.coded.size() - 1 - level];
                send(places[i], std::copysign(magnitude, values_[first_ + places[i]]));
            }
        }
        for (size_t i = 0; i < classes.coded.size(); ++i) {
            add_scale(levels_[classes.coded.size() - 1 - i], classes.coded[i]);
        }
    }

    // As its difference to the one before; the first as it is. None is needed where there is no
    // such class.
    void add_scale(LevelCost& level, double scale) {
        if (scale == 0) {
            return;
        }
        const int64_t now = pattern(scale, coding_.scales);
        if (level.before == 0) {
            update_.bits += 16;
        } else {
            level.moved += 2.0 * static_cast<double>(std::abs(now - level.before));
            ++level.count;
        }
        level.before = now;
    }

    void send(uint64_t place, float q) {
        update_.q[first_ + place] = q;
        values_[first_ + place] -= q;
    }

    std::span<float> values_;
    const ParameterLayout& layout_;
    const StudyCoding& coding_;
    ValueCoding value_coding_;
    uint64_t first_ = 0;  // of the tensor
    StudyUpdate update_;
    double sparse_ = 0;              // values of update_.kept that have a sign and a class
    std::vector<LevelCost> levels_;  // from the greatest level down
    std::vector<uint64_t> classes_;
};

}  // namespace

StudyUpdate study_code(std::span<float> values,
                       const ParameterLayout& layout,
                       uint32_t keep,
                       const StudyCoding& coding) {
    return StudyCoder(values, layout, coding).code(keep);
}

}  // namespace assay
