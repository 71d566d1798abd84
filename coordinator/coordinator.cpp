#include "coordinator/coordinator.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "configs/transfers.h"
#include "coordinator/judge_jobs.h"
#include "coordinator/operator_orders.h"
#include "coordinator/run_folder.h"
#include "coordinator/status_book.h"
#include "coordinator/storage.h"
#include "coordinator/visitors.h"
#include "coordinator/wanted_blobs.h"
#include "core/check.h"
#include "core/descriptors.h"
#include "core/job_thread.h"
#include "core/log.h"
#include "core/printable.h"
#include "core/version.h"
#include "net/blob_fetcher.h"
#include "net/zmq_channel.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "rounds/retention.h"
#include "rounds/round_machine.h"
#include "rounds/run_log.h"
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
constexpr DurationMs kOrdersEvery{1000};
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

class Coordinator::Program {
public:
    Program(CoordinatorOptions options, RunConfig config, CoordinatorHooks hooks)
        : options_(std::move(options)),
          config_(std::move(config)),
          hooks_(std::move(hooks)),
          visitors_(options_.serve) {}

    Ended run();

private:
    Status check_address() const;
    Ended serve();
    Status open();
    Status open_machine(RunState state);
    Status prepare();
    void notice_stall();
    void turn();
    void stop_if_asked();
    void farewell();
    void part_from(const ServerEvent& event);
    void serve_pieces();

    void feed(const Event& event);
    void perform_waiting();

    void on(const Joined& joined);
    void on(const Left& left);
    void on(const Refused& refused);
    void on(const Incoming& incoming);
    void receive(const Incoming& incoming, const Hello& message);
    void receive(const Incoming& incoming, const Commit& message);
    void receive(const Incoming& incoming, const PayloadNotice& message);
    void receive(const Incoming& incoming, const OpeningNotice& message);
    void receive(const Incoming& incoming, const Progress& message);
    void receive(const Incoming& incoming, const BlobRequest& message);
    void receive(const Incoming& incoming, const BlobPiece& message);
    void receive(const Incoming& incoming, const Goodbye& message);
    // What only we may say, and heartbeats: a new message must be named here or above.
    void receive(const Incoming&, const Welcome&) {}
    void receive(const Incoming&, const Refusal&) {}
    void receive(const Incoming&, const RoundPlan&) {}
    void receive(const Incoming&, const CloseNotice&) {}
    void receive(const Incoming&, const Beacon&) {}
    void receive(const Incoming&, const RoundSummary&) {}
    void receive(const Incoming&, const AuditJob&) {}
    void receive(const Incoming&, const AuditReport&) {}
    void receive(const Incoming&, const Heartbeat&) {}
    void receive(const Incoming&, const DebtNotice&) {}

    void take_fetched();
    void take_orders();
    void take_computed();
    void take(const Event& event) { feed(event); }
    void take(const JudgeTimes& times) { book_->judged(times); }
    void take(const AuditTime& time) { book_->audited(time); }
    void take(const JudgeFailed& failed) { end(Ending::kFailed, failed.reason); }

    void act(const Send& action);
    void act(const Broadcast& action);
    void act(const Persist& action);
    void act(const FetchBlob& action);
    void act(const JudgeRound& action);
    void act(const JudgeDebt& action);
    void act(const RunAudit& action);
    void act(const KeepBlobs& action);
    void act(const CloseConnection& action);
    void act(const Note& action);
    void act(const RunFinished& action);

    void send(const PeerId& to, const Message& message);
    void job(std::function<void()> work, bool urgent = false);
    void end(Ending how, std::string reason = "");
    void show();

    CoordinatorOptions options_;
    RunConfig config_;
    CoordinatorHooks hooks_;
    RunFolderPaths paths_;
    RunClock clock_;
    std::optional<OpenedRun> run_;
    Storage storage_;
    std::unique_ptr<ZmqServer> channel_;
    std::unique_ptr<BlobFetcher> fetcher_;
    std::unique_ptr<RoundMachine> machine_;
    std::unique_ptr<StatusBook> book_;
    std::unique_ptr<RunLog> log_;
    WantedBlobs wants_;
    Visitors visitors_;
    Mailbox<JudgeResult> computed_;
    std::unique_ptr<JudgeJobs> jobs_;
    std::optional<Ended> ended_;
    Status prepared_;                 // the job thread's, until it is done with the start
    std::optional<Instant> stop_by_;  // a person has asked to stop
    std::optional<std::filesystem::path> order_taken_;
    Instant orders_at_;                      // when the folder of orders is looked at next
    Instant turned_;                         // when the loop came by last
    std::unique_ptr<JobThread> job_thread_;  // last: its thread uses what stands above
};

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
    RunState state(run_->manifest, config_.pay, rounds_remembered(config_.verify));
    if (Status applied = state.apply_all(*records); !applied) {
        return fail("the ledger does not lead to a state: " + applied.reason() +
                    "; see `assay ledger verify --dir " + options_.folder.string() + "`");
    }
    clock_ = RunClock(state.last_stamp());
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
        return {Ending::kFailed, prepared_.reason()};
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

// ---- events -----------------------------------------------------------------------------

void Coordinator::Program::feed(const Event& event) {
    ASSAY_CHECK(machine_ && book_);
    storage_.push(machine_->step(event, clock_.now()));
    book_->changed();
}

void Coordinator::Program::on(const Refused& refused) {
    visitors_.log(refused, clock_.now());
    book_->refused(channel_->counters().refused());
}

// What was on its way from this peer goes on at once, whether its end was seen before or not.
void Coordinator::Program::on(const Joined& joined) {
    fetcher_->source_is_back(joined.peer, clock_.now());
}

void Coordinator::Program::on(const Left& left) {
    visitors_.left(left.peer);
    fetcher_->source_left(left.peer);
    feed(PeerGone{left.peer});
}

void Coordinator::Program::on(const Incoming& incoming) {
    visitors_.came(incoming.from);
    std::visit([&](const auto& message) { receive(incoming, message); }, incoming.message);
}

void Coordinator::Program::receive(const Incoming& incoming, const Hello& message) {
    feed(PeerHello{incoming.from, message, channel_->site(incoming.from)});
}

void Coordinator::Program::receive(const Incoming& incoming, const Commit& message) {
    feed(CommitArrived{incoming.from, message, incoming.envelope});
}

void Coordinator::Program::receive(const Incoming& incoming, const PayloadNotice& message) {
    feed(PayloadNoticed{incoming.from, message});
}

void Coordinator::Program::receive(const Incoming& incoming, const OpeningNotice& message) {
    feed(OpeningNoticed{incoming.from, message});
}

void Coordinator::Program::receive(const Incoming& incoming, const Progress& message) {
    feed(ProgressArrived{incoming.from, message});
}

void Coordinator::Program::receive(const Incoming& incoming, const BlobRequest& message) {
    visitors_.ask(incoming.from, message);
}

void Coordinator::Program::serve_pieces() {
    const auto unread = [this](const PeerId& peer) { return channel_->unacknowledged(peer); };
    for (const PieceServer::Piece& piece : visitors_.due(clock_.now(), unread)) {
        send(piece.to, run_->store->answer(piece.request, false));
    }
}

void Coordinator::Program::receive(const Incoming& incoming, const BlobPiece& message) {
    book_->received(incoming.from, message.data.size());
    fetcher_->take(incoming.from, message, clock_.now());
}

void Coordinator::Program::receive(const Incoming& incoming, const Goodbye& message) {
    if (machine_->is_connected(incoming.from)) {
        visitors_.log(LogLevel::kInfo,
                      incoming.from.hex(),
                      "peer " + incoming.from.brief() + " left: " + printable(message.reason),
                      clock_.now());
    }
    visitors_.left(incoming.from);
    feed(PeerGone{incoming.from});
}

// One after the other: the next comes once the ledger holds the one before.
void Coordinator::Program::take_orders() {
    if (clock_.now() < orders_at_ || machine_->orders_wait() || !storage_.is_settled()) {
        return;
    }
    orders_at_ = clock_.now() + kOrdersEvery;
    if (order_taken_) {
        std::error_code code;
        std::filesystem::remove(*order_taken_, code);
        if (code) {
            log_warning(order_taken_->string() +
                        " is obeyed and cannot be removed: " + code.message());
            return;
        }
        order_taken_.reset();
    }
    std::optional<OrderFile> next = oldest_order(paths_.orders());
    if (!next) {
        return;
    }
    order_taken_ = next->file;
    if (next->order) {
        feed(*next->order);
    } else {
        log_warning("the order " + next->file.string() + " is not obeyed: " + next->order.reason());
    }
}

void Coordinator::Program::take_fetched() {
    for (const BlobFetcher::Moved& moved : fetcher_->moved()) {
        feed(BlobsMoved{moved.source, moved.bytes, moved.busy});
    }
    for (const BlobFetcher::Finished& fetched : fetcher_->finished()) {
        if (!fetched.status && !run_->store->disk()) {  // no peer shall answer for that
            end(Ending::kTryAgain,
                "what peers send cannot be stored, so the run stops here and goes on after a "
                "restart: " +
                    run_->store->disk().reason());
            return;
        }
        // A source that was given up may have been followed by another meanwhile: whoever waits for
        // that one still waits.
        const bool goes_on = !fetched.status && fetcher_->fetching(fetched.blob.sha256);
        for (const FetchBlob& want : wants_.take(fetched, goes_on)) {
            const Digest& sha256 = want.blob.sha256;
            if (fetched.status) {
                storage_.arrived(
                    {want.from, want.round, want.purpose, sha256, fetched.blob.size_bytes});
            } else {
                feed(BlobFailed{
                    want.from, want.round, want.purpose, sha256, fetched.status.reason()});
            }
        }
    }
}

void Coordinator::Program::take_computed() {
    for (const JudgeResult& result : computed_.take_all()) {
        std::visit([this](const auto& one) { take(one); }, result);
    }
}

// ---- actions ----------------------------------------------------------------------------

// What may be performed is; what that leads to is handed to the disk, and so on.
void Coordinator::Program::perform_waiting() {
    for (bool goes_on = true; goes_on && !ended_;) {
        const Result<std::vector<Event>> told = storage_.turn(clock_.now());
        if (!told) {
            end(Ending::kTryAgain, told.reason());
            return;
        }
        goes_on = !told->empty();
        for (const Event& event : *told) {
            feed(event);
        }
        while (const std::optional<Action> action = ended_ ? std::nullopt : storage_.next()) {
            goes_on = true;
            std::visit([this](const auto& one) { act(one); }, *action);
        }
    }
    // What the machine goes by is what is durable.
    ASSAY_CHECK(ended_ || !storage_.is_settled() || storage_.head() == machine_->state().head());
}

void Coordinator::Program::send(const PeerId& to, const Message& message) {
    (void)channel_->send(to, seal(run_->identity, message));
}

// The machine knows no wall clock.
void Coordinator::Program::act(const Send& action) {
    visitors_.told(action.to, action.message);
    Message message = action.message;
    if (auto* welcome = std::get_if<Welcome>(&message)) {
        welcome->clock = SystemClock().now();
        welcome->build = std::string("assay ") + assay_version();
    }
    send(action.to, message);
}

void Coordinator::Program::act(const Broadcast& action) {
    const Bytes wire = seal(run_->identity, action.message);
    for (const PeerId& peer : visitors_.present()) {
        (void)channel_->send(peer, wire);
    }
}

// Its records are durable.
void Coordinator::Program::act(const Persist& action) {
    book_->recorded(action, clock_.now());
    log_->recorded(action);
}

void Coordinator::Program::act(const FetchBlob& action) {
    if (run_->store->has(action.blob.sha256)) {
        const BlobRef& blob = action.blob;
        storage_.arrived({action.from, action.round, action.purpose, blob.sha256, blob.size_bytes});
        return;
    }
    ASSAY_CHECK_LE(action.round, machine_->round());
    wants_.add(action);
    fetcher_->fetch(action.blob, action.from, Visibility::kPrivate, clock_.now());
}

void Coordinator::Program::act(const JudgeRound& action) {
    job([this, action] { jobs_->judge(action); }, true);
}

void Coordinator::Program::act(const JudgeDebt& action) {
    job([this, action] { jobs_->judge_debt(action); });
}

void Coordinator::Program::act(const RunAudit& action) {
    job([this, action] { jobs_->audit(action); });
}

// What cannot be removed now is asked for again after the next round.
void Coordinator::Program::act(const KeepBlobs& action) {
    fetcher_->keep_only(action.live);
    wants_.keep_only(action.live);
    storage_.keep_only(action.live);
    if (Status kept = run_->store->keep_only(action.live); !kept) {
        log_warning("old blobs are still on the disk: " + kept.reason());
    }
}

void Coordinator::Program::act(const Note& action) {
    if (action.by == PeerId{}) {
        log_info(action.text);
    } else {
        visitors_.log(LogLevel::kInfo, action.by.hex(), action.text, clock_.now());
    }
}

void Coordinator::Program::act(const CloseConnection& action) {
    visitors_.log(LogLevel::kInfo,
                  action.peer.hex(),
                  "closing the connection of " + action.peer.brief() + ": " + action.reason,
                  clock_.now());
    visitors_.sent_away(action.peer);
    fetcher_->cancel_source(action.peer);
    channel_->close_peer(action.peer);
}

void Coordinator::Program::act(const RunFinished& action) {
    log_info(action.complete ? "the run is complete" : "stopped: " + action.reason);
    ASSAY_CHECK(machine_->finished());
    book_->finished(action.complete);
    end(Ending::kWell);
}

void Coordinator::Program::job(std::function<void()> work, bool urgent) {
    if (!job_thread_->submit(std::move(work), urgent)) {
        end(Ending::kFailed,
            "the job thread has too many jobs waiting; this is a defect, please report it");
    }
}

void Coordinator::Program::end(Ending how, std::string reason) {
    ASSAY_CHECK_EQ(how == Ending::kWell, reason.empty());
    if (!ended_) {
        ended_ = Ended{how, std::move(reason)};
    }
}

void Coordinator::Program::show() {
    log_->look(clock_.now());
    book_->publish(clock_.now(), false);
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
