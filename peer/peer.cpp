#include "peer/peer.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "core/check.h"
#include "core/files.h"
#include "core/log.h"
#include "net/blob_fetcher.h"
#include "net/reminder.h"
#include "net/zmq_channel.h"
#include "peer/peer_folder.h"
#include "peer/peer_machine.h"
#include "peer/proof_book.h"
#include "peer/trainer_jobs.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/plan.h"
#include "store/folder_blob_store.h"
#include "store/folder_lock.h"

namespace assay {

namespace {

constexpr DurationMs kPollTime{20};
constexpr DurationMs kLinger{500};
constexpr size_t kJobsMax = 64;
constexpr DurationMs kNextAddress{3000};  // after a failure at one, if there are others
constexpr DurationMs kRemindEvery{30000};

// Whether an action is of use only to a peer that goes on.
bool needs_run(const PeerAction& action) {
    return !std::holds_alternative<Say>(action) && !std::holds_alternative<PeerNote>(action) &&
           !std::holds_alternative<ReportEquivocation>(action) &&
           !std::holds_alternative<KeepHead>(action) &&
           !std::holds_alternative<PeerFinished>(action);
}

// Whether an action is the trainer's to do.
bool needs_trainer(const PeerAction& action) {
    return std::holds_alternative<TrainRound>(action) ||
           std::holds_alternative<BuildOpening>(action) ||
           std::holds_alternative<ApplyAggregate>(action) ||
           std::holds_alternative<AdoptTheta>(action) ||
           std::holds_alternative<ForgetRound>(action) ||
           std::holds_alternative<OweRound>(action) || std::holds_alternative<ReleaseRound>(action);
}

}  // namespace

class Peer::Program {
public:
    Program(PeerOptions options, Identity identity, PeerHooks hooks)
        : options_(std::move(options)),
          identity_(identity),
          hooks_(std::move(hooks)),
          folder_(options_.folder) {}

    Ended run();

private:
    struct Prepared {
        Status status;
    };
    using JobResult = std::variant<PeerEvent, Prepared>;

    Status open();
    Status open_stored();
    Status prepare_stored(const RunManifest& manifest);
    void start_machine(const TrainerJobs::Restored& restored, std::optional<RunManifest> manifest);
    void feed(const PeerEvent& event);
    void perform_waiting();
    void turn();
    void try_next_address();

    void on(const Connected&);
    void on(const Disconnected&);
    void on(const KeyRefused& refused) { end(Ending::kNeverAgain, refused.reason); }
    void on(const Unreachable& unreachable);
    void on(const Refused& refused) { log_warning("from the coordinator: " + refused.reason); }
    void on(const Incoming& incoming);
    void serve_piece(const BlobRequest& request);
    void take_results();
    void take_fetched();

    void act(const Dial&) {}  // the channel dials by itself
    void act(const Say& action) { say(seal(identity_, action.message)); }
    void act(const SaySealed& action) { say(encode_envelope(action.envelope)); }
    void act(const WantBlob& action);
    void act(const PrepareRun& action);
    void act(const FindEntryWork&) {
        job([this] { jobs_->find_entry_work(); });
    }
    void act(const TrainRound& action);
    void act(const AbandonRound& action) { jobs_->abandon(action.round); }
    void act(const BuildOpening& action);
    void act(const ApplyAggregate& action);
    void act(const AdoptTheta& action);
    void act(const ForgetRound& action);
    void act(const OweRound& action);
    void act(const ReleaseRound& action);
    void act(const DropBlob& action);
    void act(const ReportEquivocation& action);
    void act(const KeepProof& action);
    void act(const KeepHead& action);
    void act(const PeerNote& action) { log_info(action.text); }
    void act(const PeerFinished& action);

    void say(Bytes wire) { (void)channel_->send(std::move(wire)); }
    void want(const BlobRef& blob) {
        fetcher_->fetch(blob, options_.coordinator, Visibility::kPrivate, clock_.now());
    }
    void job(std::function<void()> work);
    void prepare_when_complete();
    void end(Ending how, std::string reason = "");
    void show(const std::string& error = "");

    PeerOptions options_;
    Identity identity_;
    PeerHooks hooks_;
    PeerFolder folder_;
    FolderLock lock_;
    RunClock clock_;
    std::unique_ptr<BlobStore> store_;
    std::unique_ptr<ZmqClient> channel_;
    size_t address_ = 0;  // of the coordinator's, the one that is dialled
    std::optional<Instant> next_address_at_;
    std::map<size_t, Reminder> unreachable_;  // by address
    bool was_connected_ = false;
    std::unique_ptr<BlobFetcher> fetcher_;
    Mailbox<JobResult> results_;
    std::unique_ptr<TrainerJobs> jobs_;
    std::unique_ptr<PeerMachine> machine_;
    std::deque<PeerAction> waiting_;
    std::optional<RunManifest> preparing_;
    bool prepare_submitted_ = false;
    std::optional<Ended> ended_;
    Status opened_;  // the job thread's, as the two below, until it is done with the start
    std::optional<RunManifest> stored_;
    TrainerJobs::Restored restored_;
    RoundId applied_;
    std::string shown_;
    std::unique_ptr<JobThread> job_thread_;  // last: its thread uses what stands above
};

// ---- start ------------------------------------------------------------------------------

Status Peer::Program::open() {
    Result<std::unique_ptr<ZmqClient>> channel = ZmqClient::open(
        identity_, options_.endpoints.at(address_), options_.coordinator, options_.times);
    if (!channel) {
        return channel.error();
    }
    channel_ = std::move(*channel);
    channel_->set_linger(kLinger);
    return {};
}

void Peer::Program::start_machine(const TrainerJobs::Restored& restored,
                                  std::optional<RunManifest> manifest) {
    Hello hello;
    PeerRules rules;
    rules.class_of_run = !options_.numeric_class;
    hello.numeric_class = options_.numeric_class.value_or(NumericClass::kExact);
    hello.threads = static_cast<uint32_t>(options_.threads);
    hello.build = options_.build;
    ASSAY_CHECK(machine_ == nullptr);
    const uint64_t nonce =
        manifest ? folder_.load_entry(manifest_digest(*manifest), identity_.id()) : 0;
    machine_ = std::make_unique<PeerMachine>(identity_.id(),
                                             options_.coordinator,
                                             hello,
                                             rules,
                                             PeerResume{restored.theta_root,
                                                        std::move(manifest),
                                                        folder_.load_head(options_.coordinator),
                                                        folder_.load_beacon(options_.coordinator),
                                                        restored.undecided,
                                                        nonce});
    for (PeerAction& action : machine_->start(clock_.now())) {
        waiting_.push_back(std::move(action));
    }
}

// The folder, and what it has of a run: on the job thread, as it may take long.
Status Peer::Program::open_stored() {
    if (Status created = folder_.create(); !created) {
        return created;
    }
    Result<FolderLock> lock = FolderLock::take(options_.folder);
    if (!lock) {
        return lock.error();
    }
    lock_ = std::move(*lock);
    Result<std::unique_ptr<FolderBlobStore>> store = FolderBlobStore::open(folder_.blob_folder());
    if (!store) {
        return store.error();
    }
    store_ = std::move(*store);
    fetcher_ = std::make_unique<BlobFetcher>(*store_, TransferSettings{});
    jobs_ = std::make_unique<TrainerJobs>(
        options_, identity_, hooks_, folder_, *store_, [this](PeerEvent event) {
            results_.put(std::move(event));
        });
    Result<std::optional<RunManifest>> manifest = folder_.load_manifest();
    if (!manifest) {
        return manifest.error();
    }
    stored_ = std::move(*manifest);
    return stored_ ? prepare_stored(*stored_) : Status();
}

// A folder that belongs to a run already: data and state are there.
// What an earlier process left of its rounds is of no more use: their chains are gone.
Status Peer::Program::prepare_stored(const RunManifest& manifest) {
    std::set<Digest> live{manifest.data_manifest.sha256};
    for (const BlobRef& shard : manifest.shards) {
        live.insert(shard.sha256);
    }
    if (Status kept = store_->keep_only(live); !kept) {
        log_warning("old blobs are still on the disk: " + kept.reason());
    }
    if (Status prepared = jobs_->prepare(manifest); !prepared) {
        return prepared;
    }
    restored_ = jobs_->restore();
    return {};
}

Ended Peer::Program::run() {
    job_thread_ = std::make_unique<JobThread>(kJobsMax);
    if (!run_unless_stopped(
            *job_thread_, [this] { opened_ = open_stored(); }, hooks_.stop_requested)) {
        log_info("stopped at its start");
        return {};
    }
    const Status ready = opened_ ? open() : opened_;
    if (!ready) {
        return {Ending::kFailed, ready.reason()};
    }
    start_machine(restored_, stored_);
    show();
    while (!ended_) {
        turn();
    }
    ASSAY_CHECK(ended_.has_value());
    jobs_->stop();
    job_thread_->clear();
    show(ended_->reason);
    return *ended_;
}

void Peer::Program::turn() {
    for (const ClientEvent& event : channel_->poll(kPollTime)) {
        std::visit([this](const auto& one) { on(one); }, event);
    }
    try_next_address();
    take_results();
    for (const BlobFetcher::Ask& ask : fetcher_->requests(clock_.now())) {
        say(seal(identity_, ask.request));
    }
    take_fetched();
    const std::optional<Instant> wake = machine_->wake_at();
    if (wake && *wake <= clock_.now()) {
        feed(PeerTick{});
    }
    if (hooks_.stop_requested()) {
        feed(PeerStop{hooks_.stop_insisted()});
    }
    perform_waiting();
    show();
}

// ---- events -----------------------------------------------------------------------------

void Peer::Program::feed(const PeerEvent& event) {
    for (PeerAction& action : machine_->step(event, clock_.now())) {
        waiting_.push_back(std::move(action));
    }
}

void Peer::Program::on(const Unreachable& unreachable) {
    if (unreachable_.try_emplace(address_, kRemindEvery).first->second.due(clock_.now())) {
        log_warning(unreachable.reason);
    }
    if (options_.endpoints.size() > 1) {
        next_address_at_ = clock_.now() + kNextAddress;
    }
}

// A coordinator that has moved listens at another of its addresses, under the same key.
void Peer::Program::try_next_address() {
    if (!next_address_at_ || clock_.now() < *next_address_at_ || ended_) {
        return;
    }
    next_address_at_.reset();
    address_ = (address_ + 1) % options_.endpoints.size();
    channel_->set_linger({});
    channel_.reset();
    if (Status opened = open(); !opened) {
        end(Ending::kTryAgain, opened.reason());
    }
}

// What was on its way goes on at once: the coordinator answers before it has heard Hello.
void Peer::Program::on(const Connected&) {
    log_info((std::exchange(was_connected_, true) ? "connected again to " : "connected to ") +
             options_.endpoints.at(address_));
    next_address_at_.reset();
    unreachable_.clear();
    feed(ChannelUp{});
    fetcher_->source_is_back(options_.coordinator, clock_.now());
}

void Peer::Program::on(const Disconnected&) {
    feed(ChannelDown{"the connection was closed"});
    fetcher_->source_left(options_.coordinator);
}

void Peer::Program::on(const Incoming& incoming) {
    if (const auto* request = std::get_if<BlobRequest>(&incoming.message)) {
        serve_piece(*request);
    } else if (const auto* piece = std::get_if<BlobPiece>(&incoming.message)) {
        fetcher_->take(incoming.from, *piece, clock_.now());
    } else {
        feed(MessageArrived{incoming.message, incoming.envelope});
    }
}

// The channel's only other end is the coordinator: it may have what this store holds.
void Peer::Program::serve_piece(const BlobRequest& request) {
    say(seal(identity_, store_->answer(request, true)));
}

void Peer::Program::take_results() {
    for (JobResult& result : results_.take_all()) {
        if (auto* event = std::get_if<PeerEvent>(&result)) {
            if (const auto* applied = std::get_if<AggregateApplied>(event)) {
                applied_ = applied->round;
            }
            feed(*event);
            continue;
        }
        const Status& prepared = std::get<Prepared>(result).status;
        preparing_.reset();
        if (!prepared) {
            end(Ending::kFailed, prepared.reason());
        }
    }
}

void Peer::Program::take_fetched() {
    for (const BlobFetcher::Finished& fetched : fetcher_->finished()) {
        if (!fetched.status && !store_->disk()) {  // asking again would change nothing
            end(Ending::kTryAgain,
                "what the coordinator sends cannot be stored, so this peer stops; once there is "
                "room in " +
                    options_.folder.string() +
                    ", start it again and it goes on: " + store_->disk().reason());
            return;
        }
        if (preparing_) {
            if (!fetched.status) {
                log_warning("a blob of the run did not come (" + fetched.status.reason() +
                            "); asking again");
                want(fetched.blob);
            }
            prepare_when_complete();
        } else if (fetched.status) {
            feed(BlobReady{fetched.blob.sha256});
        } else {
            feed(BlobMissing{fetched.blob.sha256, fetched.status.reason()});
        }
    }
}

// ---- actions ----------------------------------------------------------------------------

// In order; those behind a PrepareRun wait until the run is prepared, if this peer does not end
// before.
void Peer::Program::perform_waiting() {
    const auto ends = [](const PeerAction& action) {
        return std::holds_alternative<PeerFinished>(action);
    };
    if (preparing_ && std::any_of(waiting_.begin(), waiting_.end(), ends)) {
        std::erase_if(waiting_, needs_run);
        preparing_.reset();
    }
    while (!waiting_.empty() && !preparing_ && !ended_) {
        const PeerAction action = std::move(waiting_.front());
        waiting_.pop_front();
        // None but what needs no run is done before the run is prepared.
        ASSAY_CHECK(stored_ || prepare_submitted_ || !needs_trainer(action));
        std::visit([this](const auto& one) { act(one); }, action);
    }
}

void Peer::Program::act(const WantBlob& action) {
    if (store_->has(action.blob.sha256)) {
        feed(BlobReady{action.blob.sha256});
    } else {
        want(action.blob);
    }
}

void Peer::Program::act(const PrepareRun& action) {
    ASSAY_CHECK(!stored_ && !preparing_);  // a folder belongs to one run
    preparing_ = action.manifest;
    prepare_submitted_ = false;
    log_info("joining run " + action.manifest.run_name + ": fetching its data");
    want(action.manifest.data_manifest);
    for (const BlobRef& shard : action.manifest.shards) {
        want(shard);
    }
    prepare_when_complete();
}

void Peer::Program::prepare_when_complete() {
    ASSAY_CHECK(preparing_.has_value());
    const RunManifest& manifest = *preparing_;
    bool complete = store_->has(manifest.data_manifest.sha256);
    for (const BlobRef& shard : manifest.shards) {
        complete = complete && store_->has(shard.sha256);
    }
    if (!complete || prepare_submitted_) {
        return;
    }
    prepare_submitted_ = true;
    job([this, manifest] { results_.put(Prepared{jobs_->prepare(manifest)}); });
}

void Peer::Program::act(const TrainRound& action) {
    log_info(in_words(action.plan.round) + ": training");
    job([this, plan = action.plan] { jobs_->train(plan); });
}

void Peer::Program::act(const BuildOpening& action) {
    job([this, action] { jobs_->answer(action); });
}

void Peer::Program::act(const ApplyAggregate& action) {
    job([this, action] { jobs_->apply(action); });
}

void Peer::Program::act(const AdoptTheta& action) {
    job([this, action] { jobs_->adopt(action); });
}

void Peer::Program::act(const ForgetRound& action) {
    job([this, round = action.round] { jobs_->forget(round); });
}

void Peer::Program::act(const OweRound& action) {
    job([this, round = action.round] { jobs_->owe(round); });
}

void Peer::Program::act(const ReleaseRound& action) {
    job([this, round = action.round] { jobs_->release(round); });
}

void Peer::Program::act(const DropBlob& action) {
    fetcher_->cancel(action.sha256);
    (void)store_->abandon(action.sha256);
    (void)store_->remove(action.sha256);
}

void Peer::Program::act(const ReportEquivocation& action) {
    const Result<std::filesystem::path> file = folder_.save_proof({action.first, action.second});
    log_error("the coordinator has signed " + action.what + "; " +
              (file ? "the proof is in " + file->string() + ": `assay ledger compare " +
                          file->string() + "` shows it to anybody"
                    : file.reason()));
}

// Lost, it is the next one that is kept.
void Peer::Program::act(const KeepHead& action) {
    const bool is_beacon = action.envelope.kind == message_kind(Beacon{});
    const Status kept =
        is_beacon ? folder_.save_beacon(action.envelope) : folder_.save_head(action.envelope);
    if (!kept) {
        log_warning("a word that the coordinator has signed is not kept: " + kept.reason());
    }
}

// Some kilobytes, thrice a round: what is lost is a proof, and the peer goes on.
void Peer::Program::act(const KeepProof& action) {
    if (Status kept = ProofBook(options_.folder).keep(action.round, action.envelope); !kept) {
        log_warning("a receipt of " + in_words(action.round) + " is not kept: " + kept.reason());
    }
}

void Peer::Program::act(const PeerFinished& action) {
    if (action.ok) {
        log_info("finished: " + action.reason);
        end(Ending::kWell);
        return;
    }
    end(action.try_again ? Ending::kTryAgain : Ending::kNeverAgain, action.reason);
}

void Peer::Program::job(std::function<void()> work) {
    if (!job_thread_->submit(std::move(work))) {
        end(Ending::kFailed,
            "the job thread has too many jobs waiting; this is a defect, please report it");
    }
}

void Peer::Program::end(Ending how, std::string reason) {
    ASSAY_CHECK_EQ(how == Ending::kWell, reason.empty());
    if (!ended_) {
        ended_ = Ended{how, std::move(reason)};
    }
}

void Peer::Program::show(const std::string& error) {
    const PeerReport report{identity_.id().hex(),
                            applied_,
                            machine_->theta_root().hex(),
                            phase_name(machine_->phase()),
                            error};
    const std::string now = report.state + report.theta_root + error;
    if (now != shown_) {
        shown_ = now;
        hooks_.on_change(report);
    }
}

// ---- the handle -------------------------------------------------------------------------

Peer::Peer(PeerOptions options, Identity identity, PeerHooks hooks)
    : program_(std::make_unique<Program>(std::move(options), identity, std::move(hooks))) {}

Peer::~Peer() = default;

Ended Peer::run() {
    return program_->run();
}

}  // namespace assay
