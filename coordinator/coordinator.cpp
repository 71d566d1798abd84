#include "coordinator/coordinator.h"

#include <algorithm>

#include "configs/transfers.h"
#include "coordinator/coordinator_program.h"
#include "core/check.h"
#include "core/descriptors.h"
#include "core/log.h"
#include "rounds/retention.h"
#include "rounds/run_rules.h"

namespace assay {

namespace {

constexpr DurationMs kPollTime{10};
constexpr DurationMs kPollBusy{1};     // while a batch is made durable
constexpr DurationMs kStopTime{1000};  // for the last batch, after a person has asked to stop
constexpr DurationMs kStall{2000};     // a turn of the loop that took longer is no peer's fault
constexpr DurationMs kLinger{500};
constexpr DurationMs kFarewell{20000};  // peers may still fetch the last aggregate
constexpr size_t kJobsMax = 65536;
constexpr uint64_t kOwnDescriptors = 256;  // for ledger, blobs and snapshots

// No more connections than there are descriptors for beside the run's own files.
ServerLimits server_limits(const CoordinatorOptions& options) {
    ServerLimits limits;
    limits.times = options.times;
    const uint64_t all = raise_descriptor_limit();
    const uint64_t own = std::min(kOwnDescriptors, all / 2);
    limits.connections_max =
        std::max<uint64_t>(1, std::min<uint64_t>(limits.connections_max, all - own));
    return limits;
}

}  // namespace

// ---- start ------------------------------------------------------------------------------

Status Coordinator::Program::open() {
    paths_.root = options_.folder;
    Result<OpenedRun> run =
        open_run_folder(paths_, config_, {options_.data_folder, options_.tokenizer_file});
    if (!run) {
        return run.error();
    }
    run_.emplace(std::move(*run));
    const auto open_ledger = [this](SqliteLedgerOptions options) {
        return SqliteLedger::open(
            paths_.ledger(), run_->identity, manifest_digest(run_->manifest), std::move(options));
    };
    if (Status opened = storage_.open(*run_->store, open_ledger); !opened) {
        return opened;
    }
    fetcher_ = std::make_unique<BlobFetcher>(*run_->store, TransferSettings{});
    jobs_ = std::make_unique<JudgeJobs>(
        options_, config_, hooks_, paths_, *run_, [this](JudgeResult result) {
            computed_.put(std::move(result));
        });
    return {};
}

// All of the start that takes long (hashing shards, folding the ledger, loading parameters): on the
// job thread, so that the loop's can ask whether to stop.
Status Coordinator::Program::prepare() {
    if (Status opened = open(); !opened) {
        return opened;
    }
    const Ledger& ledger = storage_.ledger();
    Result<std::vector<Record>> records = ledger.read(0, ledger.height());
    if (!records) {
        return records.error();
    }
    RunState state(run_->manifest, config_.pay, rounds_remembered(config_.verify, config_.pay));
    if (Status applied = state.apply_all(*records); !applied) {
        return fail("the ledger does not lead to a state: " + applied.reason() +
                    "; see `assay ledger verify --dir " + options_.folder.string() + "`");
    }
    clock_ = SteeredClock(state.last_stamp());
    if (Status prepared = jobs_->prepare(state); !prepared) {
        return prepared;
    }
    return open_machine(std::move(state));
}

Status Coordinator::Program::open_machine(RunState state) {
    Result<BlobRef> theta = jobs_->theta_blob();
    if (!theta) {
        return theta.error();
    }
    Result<BlobRef> zeros = jobs_->fresh_moments();
    if (!zeros) {
        return zeros.error();
    }
    if (state.started()) {
        log_info("going on in round " + std::to_string(state.round().value) + " with " +
                 std::to_string(state.height()) + " ledger records");
    }
    ASSAY_CHECK(run_ && jobs_ && machine_ == nullptr);
    // Each round reveals one more element than its id, and the chain is that of the manifest.
    ASSAY_CHECK_LE(static_cast<uint64_t>(config_.rounds.rounds), run_->beacons.length());
    const BeaconChain beacons = run_->beacons;
    machine_ = std::make_unique<RoundMachine>(
        std::move(state),
        run_->manifest,
        round_rules(config_, {*theta, *zeros}, jobs_->sample_count()),
        [beacons](uint64_t index) { return beacons.element(index); });
    return {};
}

// With a key that nobody will know, and closed again: who cannot be listened for at this address is
// told so before there is a folder.
Status Coordinator::Program::check_address() const {
    const auto tried = ZmqServer::open(Identity::generate(), options_.listen, options_.admit);
    return tried ? Status() : Status(tried.error());
}

Ended Coordinator::Program::run() {
    if (Status address = check_address(); !address) {
        return {Ending::kTryAgain, address.reason()};
    }
    job_thread_ = std::make_unique<JobThread>(kJobsMax);
    if (!run_unless_stopped(
            *job_thread_, [this] { prepared_ = prepare(); }, hooks_.stop_requested)) {
        storage_.give_up();
        log_info("stopped at its start");
        return {};
    }
    if (!prepared_) {
        const Status fits =
            check_run_folder(paths_, config_, {options_.data_folder, options_.tokenizer_file});
        return {fits ? Ending::kFailed : Ending::kNeverAgain, prepared_.reason()};
    }
    return serve();
}

Ended Coordinator::Program::serve() {
    Result<std::unique_ptr<ZmqServer>> channel =
        ZmqServer::open(run_->identity, options_.listen, options_.admit, server_limits(options_));
    if (!channel) {
        return {Ending::kTryAgain, channel.reason()};
    }
    channel_ = std::move(*channel);
    channel_->set_linger(kLinger);
    CoordinatorStatus status;
    status.endpoint = channel_->endpoint();
    status.key = run_->identity.id().hex();
    status.unigram_entropy = run_->data.unigram_entropy;
    book_ = std::make_unique<StatusBook>(
        *machine_, config_, std::move(status), hooks_.on_status, hooks_.on_round);
    log_ = std::make_unique<RunLog>(
        *machine_,
        static_cast<size_t>(std::max(config_.rounds.peers_min, config_.rounds.peers_start)),
        [](const std::string& line) { log_info(line); },
        [](const std::string& line) { log_warning(line); });
    log_info("listening on " + channel_->endpoint() + ", public key " + run_->identity.id().hex());
    log_info(round_bytes_in_words(config_));
    log_info(evidence_bytes_in_words(config_));
    storage_.push(machine_->start(clock_.now()));
    perform_waiting();
    show();
    turned_ = clock_.now();
    while (!ended_) {
        turn();
    }
    job_thread_->clear();
    book_->publish(clock_.now(), true);
    farewell();
    storage_.close();
    return *ended_;
}

void Coordinator::Program::notice_stall() {
    const Instant before = std::exchange(turned_, clock_.now());
    if (turned_ - before > kStall) {
        log_warning("this process stood still for " + std::to_string((turned_ - before).ms) +
                    " ms; deadlines move on by as much");
        feed(Stalled{turned_ - before});
        storage_.stood_still(turned_);
    }
}

void Coordinator::Program::turn() {
    notice_stall();
    clock_.follow(SystemClock().now());
    const std::vector<ServerEvent> events =
        channel_->poll(storage_.is_busy() ? kPollBusy : kPollTime);
    notice_stall();  // most of the time is spent there: deadlines move on before anything is due
    for (const ServerEvent& event : events) {
        std::visit([this](const auto& one) { on(one); }, event);
    }
    take_computed();
    for (const BlobFetcher::Ask& ask : fetcher_->requests(clock_.now())) {
        send(ask.source, ask.request);
    }
    take_fetched();
    take_orders();
    serve_pieces();
    const std::optional<Instant> wake = machine_->wake_at();
    if (wake && *wake <= clock_.now()) {
        feed(Tick{});
    }
    if (hooks_.reload_requested && hooks_.reload_requested()) {
        channel_->read_admission_again();
    }
    stop_if_asked();
    perform_waiting();
    show();
}

// What is under way gets a moment to become durable. What does not, nobody was told of.
void Coordinator::Program::stop_if_asked() {
    if (!hooks_.stop_requested()) {
        return;
    }
    if (!stop_by_) {
        stop_by_ = clock_.now() + kStopTime;
        feed(StopRequested{});
    } else if (*stop_by_ < clock_.now()) {
        log_info("stopped while the disk was still busy");
        storage_.give_up();
        end(Ending::kWell);
    }
}

// The run is over: peers are told, and may still fetch what they miss, until all have left.
void Coordinator::Program::farewell() {
    ASSAY_CHECK(ended_.has_value());
    if (stop_by_ || ended_->how != Ending::kWell) {
        return;
    }
    for (const PeerId& peer : visitors_.present()) {
        send(peer, Goodbye{"the run is complete"});
    }
    const Instant until = clock_.now() + kFarewell;
    while (!visitors_.present().empty() && clock_.now() < until && !hooks_.stop_requested()) {
        for (const ServerEvent& event : channel_->poll(kPollTime)) {
            part_from(event);
        }
        serve_pieces();
    }
}

void Coordinator::Program::part_from(const ServerEvent& event) {
    if (const auto* left = std::get_if<Left>(&event)) {
        visitors_.left(left->peer);
        return;
    }
    const auto* incoming = std::get_if<Incoming>(&event);
    if (incoming == nullptr) {
        return;
    }
    if (std::holds_alternative<Goodbye>(incoming->message)) {
        visitors_.left(incoming->from);
    }
    if (const auto* request = std::get_if<BlobRequest>(&incoming->message)) {
        receive(*incoming, *request);
    }
}

// ---- the handle -------------------------------------------------------------------------

Coordinator::Coordinator(CoordinatorOptions options, RunConfig config, CoordinatorHooks hooks)
    : program_(std::make_unique<Program>(std::move(options), std::move(config), std::move(hooks))) {
}

Coordinator::~Coordinator() = default;

Ended Coordinator::run() {
    return program_->run();
}

}  // namespace assay
