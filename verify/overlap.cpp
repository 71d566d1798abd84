#include "verify/overlap.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>

#include "core/check.h"
#include "verify/ppm.h"

namespace assay {

namespace {

// A similarity of 0.15 is the overlap 0.26 of two equally large sets, two standard deviations under
// what the least limit, 0.40, corresponds to.
constexpr double kSketchHit = 0.15;
constexpr size_t kAllPairsMax = 64;

// The finaliser of MurmurHash3 (Appleby 2011): spreads every bit of the index.
uint64_t spread(uint64_t x) {
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
    x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
    return x ^ (x >> 33);
}

const PayloadEntries& entries_of(const SubmissionView& view) {
    static const PayloadEntries kNone;
    return view.entries != nullptr ? *view.entries : kNone;
}

std::string figures_in_words(const PairFigures& figures) {
    char text[128];
    std::snprintf(text,
                  sizeof(text),
                  "index overlap %.3f, sign agreement %.3f, cosine %.3f",
                  figures.overlap,
                  figures.sign_agreement,
                  figures.cosine);
    return text;
}

std::string pair_in_words(const PairFinding& finding) {
    std::string text = "peer " + finding.peer.brief() + " and ";
    text += finding.other == finding.peer ? "itself" : "peer " + finding.other.brief();
    if (finding.other_round != finding.round) {
        text += " of round " + std::to_string(finding.other_round.value);
    }
    return text;
}

// Mirrored signs are no honest pair's, however much the payloads of a run share.
std::optional<CopySign> judge_figures(const PairFigures& figures,
                                      const VerifySettings& settings,
                                      const TripwireFigures& limits) {
    if (figures.overlap >= settings.overlap_limit &&
        figures.sign_agreement < settings.mirror_sign_limit) {
        return CopySign::kMirrored;
    }
    if (in_ppm(figures.cosine) > limits.payload_cosine_ppm) {
        return CopySign::kCosine;
    }
    return in_ppm(figures.overlap) > limits.overlap_ppm ? std::optional(CopySign::kOverlap)
                                                        : std::nullopt;
}

std::string limits_in_words(CopySign sign,
                            const VerifySettings& settings,
                            const TripwireFigures& limits) {
    char text[96];
    if (sign == CopySign::kMirrored) {
        std::snprintf(text,
                      sizeof(text),
                      "mirrored signs (agreement under %.2f at overlap %.2f)",
                      settings.mirror_sign_limit,
                      settings.overlap_limit);
    } else if (sign == CopySign::kCosine) {
        std::snprintf(text, sizeof(text), "cosine over %.2f", limits.payload_cosine_ppm / 1e6);
    } else {
        std::snprintf(text, sizeof(text), "overlap over %.2f", limits.overlap_ppm / 1e6);
    }
    return text;
}

PairFinding pair_of(const SubmissionView& a, const PeerId& other, RoundId other_round) {
    PairFinding finding;
    finding.peer = a.peer;
    finding.other = other;
    finding.round = a.round;
    finding.other_round = other_round;
    return finding;
}

PairFinding equal_finding(PairFinding finding,
                          CopySign sign,
                          const char* what,
                          const Digest& value) {
    finding.sign = sign;
    finding.overlap = finding.sign_agreement = finding.cosine = 1;
    finding.reason = pair_in_words(finding) + " have equal " + what + " " + value.brief();
    return finding;
}

std::optional<PairFinding> similar_finding(PairFinding finding,
                                           const PairFigures& figures,
                                           const VerifySettings& settings,
                                           const TripwireFigures& limits) {
    const std::optional<CopySign> sign = judge_figures(figures, settings, limits);
    if (!sign) {
        return std::nullopt;
    }
    finding.sign = *sign;
    finding.overlap = figures.overlap;
    finding.sign_agreement = figures.sign_agreement;
    finding.cosine = figures.cosine;
    finding.reason = pair_in_words(finding) + ": " + limits_in_words(*sign, settings, limits) +
                     ": " + figures_in_words(figures);
    return finding;
}

std::optional<PairFinding> equal_pair(const SubmissionView& a, const SubmissionView& b) {
    const PairFinding pair = pair_of(a, b.peer, b.round);
    if (a.states_root == b.states_root) {
        return equal_finding(pair, CopySign::kEqualStates, "states roots", a.states_root);
    }
    if (a.trace_root == b.trace_root) {
        return equal_finding(pair, CopySign::kEqualTrace, "trace roots", a.trace_root);
    }
    if (a.payload_hash == b.payload_hash) {
        return equal_finding(pair, CopySign::kEqualPayload, "payload hashes", a.payload_hash);
    }
    return std::nullopt;
}

}  // namespace

PairFigures compare_entries(const PayloadEntries& a, const PayloadEntries& b) {
    ASSAY_CHECK_EQ(a.index.size(), a.value.size());
    ASSAY_CHECK_EQ(b.index.size(), b.value.size());
    PairFigures figures;
    uint64_t shared = 0;
    uint64_t agreeing = 0;
    double product = 0;
    size_t j = 0;
    for (size_t i = 0; i < a.index.size(); ++i) {
        while (j < b.index.size() && b.index[j] < a.index[i]) {
            ++j;
        }
        if (j < b.index.size() && b.index[j] == a.index[i]) {
            ++shared;
            agreeing += std::signbit(a.value[i]) == std::signbit(b.value[j]) ? 1 : 0;
            product += static_cast<double>(a.value[i]) * static_cast<double>(b.value[j]);
        }
    }
    const auto kept = static_cast<double>(std::max(a.index.size(), b.index.size()));
    const double lengths = std::sqrt(a.squared_norm() * b.squared_norm());
    figures.overlap = kept > 0 ? static_cast<double>(shared) / kept : 0;
    figures.sign_agreement =
        shared > 0 ? static_cast<double>(agreeing) / static_cast<double>(shared) : 0;
    figures.cosine = lengths > 0 ? product / lengths : 0;
    return figures;
}

static_assert(MinHash::kSlots * sizeof(uint32_t) == 512, "what the header promises of a sketch");

// One permutation, 128 bins; an empty bin borrows from the next one that is not (Shrivastava and
// Li, "Densifying one permutation hashing", 2014).
MinHash::MinHash(const PayloadEntries& entries) : empty_(entries.index.empty()) {
    std::array<bool, kSlots> filled{};
    for (const uint64_t index : entries.index) {
        const uint64_t hash = spread(index + 1);
        const size_t slot = hash % kSlots;
        const auto value = static_cast<uint32_t>(hash >> 32);
        slots_[slot] = filled[slot] ? std::min(slots_[slot], value) : value;
        filled[slot] = true;
    }
    for (size_t slot = 0; slot < kSlots && !empty_; ++slot) {
        size_t from = slot;
        uint32_t distance = 0;
        while (!filled[from]) {
            from = (from + 1) % kSlots;
            ++distance;
        }
        slots_[slot] = distance == 0 ? slots_[slot] : slots_[from] + distance;
    }
}

double MinHash::similarity(const MinHash& other) const {
    if (empty_ || other.empty_) {
        return 0;
    }
    uint32_t equal = 0;
    for (size_t slot = 0; slot < kSlots; ++slot) {
        equal += slots_[slot] == other.slots_[slot] ? 1 : 0;
    }
    return static_cast<double>(equal) / static_cast<double>(kSlots);
}

std::vector<Likeness> compare_payloads(std::span<const SubmissionView> round) {
    const bool all = round.size() <= kAllPairsMax;
    std::vector<MinHash> sketches;
    for (const SubmissionView& view : all ? std::span<const SubmissionView>() : round) {
        sketches.emplace_back(entries_of(view));
    }
    std::vector<Likeness> alike;
    for (size_t i = 0; i < round.size(); ++i) {
        for (size_t j = i + 1; j < round.size(); ++j) {
            if (all || sketches[i].similarity(sketches[j]) >= kSketchHit) {
                alike.push_back({round[i].peer,
                                 round[j].peer,
                                 compare_entries(entries_of(round[i]), entries_of(round[j]))});
            }
        }
    }
    return alike;
}

std::vector<PairFinding> PayloadHistory::find_copies(std::span<const SubmissionView> round,
                                                     std::span<const Likeness> alike,
                                                     const VerifySettings& settings,
                                                     const TripwireFigures& limits,
                                                     const EntriesLoader& load) const {
    std::vector<PairFinding> findings;
    auto next = alike.begin();
    for (size_t i = 0; i < round.size(); ++i) {
        const SubmissionView& view = round[i];
        ASSAY_CHECK(view.round == round.front().round);
        for (const SubmissionView& other : round.subspan(i + 1)) {
            std::optional<PairFinding> finding = equal_pair(view, other);
            const bool compared = next != alike.end() && next->peer == view.peer &&
                                  next->other == other.peer;  // in the order of the round
            if (!finding && compared) {
                finding = similar_finding(
                    pair_of(view, other.peer, other.round), next->figures, settings, limits);
            }
            next += compared ? 1 : 0;
            if (finding) {
                findings.push_back(std::move(*finding));
            }
        }
        std::vector<PairFinding> old = find_old_copies(view, settings, limits, load);
        std::move(old.begin(), old.end(), std::back_inserter(findings));
    }
    ASSAY_CHECK(next == alike.end());  // they were compared in this round
    return findings;
}

std::vector<PairFinding> PayloadHistory::find_old_copies(const SubmissionView& view,
                                                         const VerifySettings& settings,
                                                         const TripwireFigures& limits,
                                                         const EntriesLoader& load) const {
    std::vector<PairFinding> findings;
    const MinHash sketch(entries_of(view));
    for (const Kept& old : kept_) {
        const PairFinding pair = pair_of(view, old.peer, old.round);
        if (view.payload_hash == old.payload_hash) {
            findings.push_back(
                equal_finding(pair, CopySign::kEqualPayload, "payload hashes", old.payload_hash));
            continue;
        }
        if (old.peer == view.peer || sketch.similarity(old.sketch) < kSketchHit) {
            continue;
        }
        if (const auto entries = load(old.peer, old.round)) {
            const PairFigures figures = compare_entries(entries_of(view), *entries);
            if (auto finding = similar_finding(pair, figures, settings, limits)) {
                findings.push_back(std::move(*finding));
            }
        }
    }
    return findings;
}

void PayloadHistory::keep(RoundId round,
                          std::span<const SubmissionView> submitted,
                          const VerifySettings& settings) {
    for (const SubmissionView& view : submitted) {
        ASSAY_CHECK(view.round == round);
        kept_.push_back({view.peer, view.round, view.payload_hash, MinHash(entries_of(view))});
    }
    const auto window = static_cast<uint64_t>(settings.overlap_rounds);
    std::erase_if(kept_, [&](const Kept& old) { return old.round.value + window <= round.value; });
}

}  // namespace assay
