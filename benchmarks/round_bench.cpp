// What checking costs: the coordinator's compute in rounds of a small Llama, as seconds a
// submission and as a share of the training that it checks.

#include <algorithm>

#include "benchmarks/all_benches.h"
#include "benchmarks/bench_world.h"

namespace assay {

namespace {

struct Sums {
    std::vector<double> judge;  // a submission, each round
    std::vector<double> open;
    std::vector<double> audit;        // an audited submission
    std::vector<double> judge_share;  // of training
    std::vector<double> audit_share;  // of the training of an audited peer
    uint64_t accepted = 0;
    uint64_t suspicious = 0;
    uint64_t submissions = 0;
    uint64_t audits = 0;
    uint64_t audits_passed = 0;
};

void add(Sums& sums, const RoundTimes& times, uint32_t peers) {
    sums.judge.push_back(times.judge / peers);
    sums.open.push_back(times.open / peers);
    sums.audit.push_back(times.audit / peers);
    sums.judge_share.push_back(times.judge / times.train);
    sums.audit_share.push_back(times.audit / times.train);
    sums.accepted += times.accepted;
    sums.suspicious += times.suspicious;
    sums.submissions += peers;
    sums.audits += times.audits;
    sums.audits_passed += times.audits_passed;
}

std::string counts(const Sums& sums, const RoundTimes& last) {
    return std::to_string(sums.accepted) + " of " + std::to_string(sums.submissions) +
           " submissions accepted, " + std::to_string(sums.suspicious) + " suspicious, " +
           std::to_string(sums.audits_passed) + " of " + std::to_string(sums.audits) +
           " audited steps passed; theta " + last.judged.theta_root.brief();
}

Result<std::vector<BenchRow>> run_round(const BenchOptions& options) {
    const WorldSizes sizes = world_sizes(options.tiny);
    Result<BenchText> text =
        read_bench_text(options, static_cast<int32_t>(sizes.shape.vocab), sizes.sequence_tokens);
    if (!text) {
        return text.error();
    }
    Result<std::unique_ptr<BenchWorld>> world =
        BenchWorld::make(sizes, options.threads, std::move(*text));
    if (!world) {
        return world.error();
    }
    Sums sums;
    RoundTimes last;
    for (int round = 0; round < std::max(2, options.repetitions); ++round) {
        Result<RoundTimes> times = (*world)->play_round();
        if (!times) {
            return times.error();
        }
        add(sums, *times, sizes.peers);
        last = std::move(*times);
    }
    const std::string note = counts(sums, last);
    const double judge_share = median(sums.judge_share);
    const double audit_share = median(sums.audit_share);
    const int threads = options.threads;
    const std::string of = "training compute of the submissions";
    return std::vector<BenchRow>{
        {"judge_per_submission", median(sums.judge), "s", "", 0, threads, note},
        {"open_per_submission", median(sums.open), "s", "", 0, threads, "by the peer"},
        {"audit_per_submission",
         median(sums.audit),
         "s",
         "",
         0,
         threads,
         std::to_string(sizes.verify.audit_steps) + " of " + std::to_string(sizes.inner_steps) +
             " steps recomputed"},
        {"judge_share", 100 * judge_share, "% of train", of, 0, threads, ""},
        {"audit_share", 100 * audit_share, "% of train", of, 0, threads, "everybody is audited"},
        {"checking_share_p10",
         100 * (judge_share + 0.1 * audit_share),
         "% of train",
         of,
         0,
         threads,
         "computed for a mean audit rate of 10 %"}};
}

}  // namespace

Bench round_bench() {
    return {"round",
            "The coordinator's compute: gates and shares, audits, as a share of training",
            run_round};
}

}  // namespace assay
