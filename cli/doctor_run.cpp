#include "cli/doctor_run.h"

#include <cmath>
#include <cstdio>
#include <filesystem>

#include "cli/link_probe.h"
#include "cli/node_commands.h"
#include "configs/config_file.h"
#include "configs/entry_price.h"
#include "configs/run_advice.h"
#include "configs/transfers.h"
#include "core/check.h"
#include "core/printable.h"
#include "core/version.h"
#include "peer/peer_folder.h"
#include "protocol/entry_work.h"
#include "protocol/limits.h"
#include "protocol/plan.h"
#include "store/folder_lock.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

constexpr DurationMs kClockDifference{2000};  // people compare two logs to the second
constexpr DurationMs kTimed{500};             // at least, behind a step that is not counted
constexpr DurationMs kHashed{200};

template <typename... Args>
std::string format(const char* pattern, Args... args) {
    char text[256];
    std::snprintf(text, sizeof(text), pattern, args...);
    return text;
}

std::string per_second(uint64_t bytes) {
    return format("%.2f MB/s (%.1f Mbit/s)",
                  static_cast<double>(bytes) / 1e6,
                  static_cast<double>(bytes) * 8 / 1e6);
}

// What is known of the run that this machine would train for.
struct Visited {
    std::vector<Finding> findings;
    std::optional<RunConfig> config;
    uint64_t uplink = 0;  // bytes a second; 0: not measured

    void say(Health health, std::string what, std::string details) {
        findings.push_back({health, std::move(what), std::move(details)});
    }
};

// The folder's key, as the coordinator would see it; else one for this visit.
struct Visitor {
    Identity identity;
    bool own = false;
    FolderLock lock;  // so that no peer with this key starts meanwhile
};

Result<Visitor> visitor_of(const fs::path& folder) {
    const fs::path file = PeerFolder(folder).key_file();
    if (!fs::exists(file)) {
        return Visitor{Identity::generate(), false, {}};
    }
    Result<FolderLock> lock = FolderLock::take(folder);
    if (!lock) {
        return fail(lock.reason() + "; a peer that runs says in its log what it is told");
    }
    Result<Identity> identity = Identity::load(file);
    if (!identity) {
        return identity.error();
    }
    return Visitor{*identity, true, std::move(*lock)};
}

void tell_met(const LinkProbe::Met& met, Visited& visited) {
    visited.say(Health::kGood,
                "versions",
                "protocol " + std::to_string(limits::kProtocolVersion) + " on both sides; assay " +
                    assay_version() + " here, " + printable(met.welcome.build) + " there");
    const int64_t apart = std::abs(met.clock_ahead.ms);
    visited.say(apart > kClockDifference.ms ? Health::kNote : Health::kGood,
                "clocks",
                "the coordinator's is " + format("%.1f s ", static_cast<double>(apart) / 1e3) +
                    (met.clock_ahead.ms < 0 ? "behind" : "ahead") +
                    " (no deadline goes by it; logs are easier to compare with equal ones)");
    visited.say(Health::kGood,
                "run",
                printable(met.welcome.manifest.run_name) + ", the next is " +
                    in_words(met.welcome.next_round) + "; answers within " +
                    std::to_string(met.round_trip.ms) + " ms");
}

void tell_links(LinkProbe& probe, const RunManifest& manifest, Visited& visited) {
    BlobRef largest = manifest.data_manifest;
    for (const BlobRef& blob : manifest.shards) {
        largest = blob.size_bytes > largest.size_bytes ? blob : largest;
    }
    const Result<uint64_t> down = probe.downlink(largest);
    visited.say(down ? Health::kGood : Health::kNote,
                "downlink",
                down ? per_second(*down) : "not measured: " + down.reason());
    const Result<uint64_t> up = probe.uplink();
    const auto least = static_cast<uint64_t>(
        visited.config ? visited.config->rounds.least_uplink_bytes_per_second : 0);
    visited.uplink = up ? *up : 0;
    if (up && *up < least) {
        visited.say(Health::kBad,
                    "uplink",
                    per_second(*up) + ", less than the run asks for: " + per_second(least));
    } else {
        visited.say(up ? Health::kGood : Health::kNote,
                    "uplink",
                    up ? per_second(*up) : "not measured: " + up.reason());
    }
}

void visit_coordinator(const RunVisit& visit, const PeerId& coordinator, Visited& visited) {
    Result<Visitor> visitor = visitor_of(visit.folder);
    if (!visitor) {
        visited.say(Health::kNote, "coordinator", "not asked: " + visitor.reason());
        return;
    }
    Result<LinkProbe> probe = LinkProbe::dial(visitor->identity, visit.coordinator, coordinator);
    const Status connected = probe ? probe->await_connection() : Status(probe.error());
    if (!connected) {
        const bool answered = probe && probe->was_answered();
        visited.say(Health::kBad, answered ? "admitted" : "coordinator", connected.reason());
        if (answered && !visitor->own) {
            visited.say(Health::kNote,
                        "key",
                        "that was a key for this visit: there is none in " + visit.folder +
                            " (assay keygen, or --dir)");
        }
        return;
    }
    visited.say(
        Health::kGood,
        "coordinator",
        visit.coordinator + " answers and lets " + (visitor->own ? "this peer in" : "anybody in"));
    const Result<LinkProbe::Met> met = probe->say_hello();
    if (!met) {
        visited.say(Health::kBad, "coordinator", met.reason());
        return;
    }
    tell_met(*met, visited);
    const Result<RunConfig> config = parse_canonical_text(met->welcome.manifest.config_text);
    if (config) {
        visited.config = *config;
    } else {
        visited.say(Health::kBad,
                    "settings",
                    "this version cannot read the run's: " + printable(config.reason()));
    }
    tell_links(*probe, met->welcome.manifest, visited);
    probe->leave();
}

// A run file of this machine's, against the run's own settings.
void read_config(const std::string& file, Visited& visited) {
    Result<RunConfig> config = load_run_config(file);
    if (!config) {
        visited.say(Health::kBad, "settings", config.reason());
        return;
    }
    const std::string changed = visited.config ? changed_settings(*visited.config, *config) : "";
    if (!changed.empty()) {
        visited.say(Health::kNote, "settings", file + " differs from the run's: " + changed);
    } else {
        visited.config = *config;
    }
}

// Seconds of one inner step, and with it of what a round trains.
Result<double> seconds_of_step(const RunConfig& config, const ComputeOptions& compute) {
    const NumericClass numeric_class = numeric_class_of(config.inner);
    Result<std::unique_ptr<GradientModel>> model =
        model_maker(compute)(config, numeric_class, static_cast<int>(compute.threads));
    if (!model) {
        return model.error();
    }
    TokenBatch batch;
    batch.sequences = static_cast<uint32_t>(config.inner.sequences_per_step);
    batch.sequence_tokens = static_cast<uint32_t>(config.data.sequence_tokens);
    batch.tokens.resize(batch.target_count() + batch.sequences);
    for (size_t i = 0; i < batch.tokens.size(); ++i) {
        batch.tokens[i] = static_cast<int32_t>(i % static_cast<size_t>(config.model.vocab));
    }
    const std::vector<float> theta = initial_parameters(config.model, Digest{});
    std::vector<float> gradient(theta.size());
    const auto work = [&] {
        (void)(*model)->gradient(
            theta, batch, static_cast<uint32_t>(config.inner.grain_sequences), gradient);
    };
    work();
    const RunClock clock;
    const Instant began = clock.now();
    int steps = 0;
    do {
        work();
        ++steps;
    } while (clock.now() - began < kTimed);
    return static_cast<double>((clock.now() - began).ms) / 1e3 / steps;
}

// Of one core here, by trying for so long.
double hashes_per_second() {
    constexpr uint32_t kNeverFound = 256;
    const RunClock clock;
    const Instant began = clock.now();
    uint64_t done = 0;
    (void)find_entry_nonce(Digest{}, PeerId{}, kNeverFound, [&](uint64_t tried) {
        done = tried;
        return clock.now() - began < kHashed;
    });
    ASSAY_CHECK(done > 0 && clock.now() > began);
    return static_cast<double>(done) * 1e3 / static_cast<double>((clock.now() - began).ms);
}

void tell_entry(Visited& visited) {
    const RunConfig& config = *visited.config;
    if (config.rounds.entry_work_bits == 0) {
        return;
    }
    const double rate = hashes_per_second();
    const EntryPrice price = entry_price(config, rate);
    visited.say(Health::kGood,
                "entry",
                format("a new key pays %.4g million hashes once, in the mean: about %.3g s here "
                       "(%.3g million a second)",
                       price.hashes / 1e6,
                       price.seconds,
                       rate / 1e6));
}

void tell_round(const RunVisit& visit, Visited& visited) {
    const RunConfig& config = *visited.config;
    const Result<double> step = seconds_of_step(config, visit.compute);
    if (!step) {
        visited.say(Health::kBad, "training", step.reason());
        return;
    }
    const auto steps = static_cast<double>(config.inner.inner_steps);
    const double seconds = *step * steps;
    const double limit = static_cast<double>(config.rounds.commit_ceiling_ms) / 1e3;
    visited.say(seconds > limit ? Health::kBad : Health::kGood,
                "training",
                format("%.3g s a round here: %ld steps of %ld x %ld tokens with %ld threads",
                       seconds,
                       static_cast<long>(config.inner.inner_steps),
                       static_cast<long>(config.inner.sequences_per_step),
                       static_cast<long>(config.data.sequence_tokens),
                       static_cast<long>(visit.compute.threads)) +
                    (seconds > limit ? "; the run waits " + format("%.3g s at most", limit) : ""));
    const ParameterLayout layout = llama_layout(config.model);
    std::string words = round_bytes_in_words(config);
    if (visited.uplink > 0) {
        const uint64_t bytes =
            payload_bytes_max(config, layout) + opening_bytes_max(config, layout);
        words += format("; unaudited that takes %.3g s on this uplink",
                        static_cast<double>(bytes) / static_cast<double>(visited.uplink));
    }
    visited.say(Health::kGood, "transfers", words);
}

}  // namespace

std::vector<Finding> visit_run(const RunVisit& visit) {
    Visited visited;
    if (!visit.coordinator.empty()) {
        const Result<PeerId> coordinator = coordinator_id(visit.coordinator_key);
        if (coordinator) {
            visit_coordinator(visit, *coordinator, visited);
        } else {
            visited.say(Health::kBad, "coordinator", coordinator.reason());
        }
    }
    if (!visit.config.empty()) {
        read_config(visit.config, visited);
    }
    if (visited.config) {
        tell_entry(visited);
        tell_round(visit, visited);
    }
    ASSAY_CHECK(visited.findings.empty() == (visit.coordinator.empty() && visit.config.empty()));
    return std::move(visited.findings);
}

}  // namespace assay
