// What the machine orders, once what stands before it is durable.

#include "coordinator/coordinator_program.h"
#include "core/check.h"
#include "core/log.h"
#include "core/version.h"
#include "protocol/codec.h"

namespace assay {

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
    shown_ = action.shown;
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

}  // namespace assay
