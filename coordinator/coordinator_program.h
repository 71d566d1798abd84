// The event loop behind coordinator.h: one class, told in coordinator.cpp (start, turn, end),
// coordinator_events.cpp (what comes in) and coordinator_actions.cpp (what the machine orders).

#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "coordinator/coordinator.h"
#include "coordinator/judge_jobs.h"
#include "coordinator/run_folder.h"
#include "coordinator/status_book.h"
#include "coordinator/steered_clock.h"
#include "coordinator/storage.h"
#include "coordinator/visitors.h"
#include "coordinator/wanted_blobs.h"
#include "core/job_thread.h"
#include "net/blob_fetcher.h"
#include "net/zmq_channel.h"
#include "rounds/round_machine.h"
#include "rounds/run_log.h"

namespace assay {

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
    [[nodiscard]] bool may_see(const PeerId& peer, const Digest& blob) const;

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
    void receive(const Incoming& incoming, const EvidenceRequest& message);
    void receive(const Incoming& incoming, const Beacon& message);
    // What only we may say, and heartbeats: a new message must be named here or above.
    void receive(const Incoming&, const Welcome&) {}
    void receive(const Incoming&, const Refusal&) {}
    void receive(const Incoming&, const RoundPlan&) {}
    void receive(const Incoming&, const CloseNotice&) {}
    void receive(const Incoming&, const RoundSummary&) {}
    void receive(const Incoming&, const AuditJob&) {}
    void receive(const Incoming&, const AuditReport&) {}
    void receive(const Incoming&, const Heartbeat&) {}
    void receive(const Incoming&, const DebtNotice&) {}
    void receive(const Incoming&, const Receipt&) {}
    void receive(const Incoming&, const EvidenceIndex&) {}

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
    SteeredClock clock_;
    std::optional<OpenedRun> run_;
    Storage storage_;
    std::unique_ptr<ZmqServer> channel_;
    std::unique_ptr<BlobFetcher> fetcher_;
    std::unique_ptr<RoundMachine> machine_;
    std::unique_ptr<StatusBook> book_;
    std::unique_ptr<RunLog> log_;
    WantedBlobs wants_;
    Visitors visitors_;
    std::set<Digest> shown_;  // private blobs that members may fetch
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

}  // namespace assay
