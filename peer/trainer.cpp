#include "peer/trainer.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "compression/aggregate.h"
#include "core/check.h"
#include "core/merkle.h"
#include "model/inner_loop.h"
#include "protocol/codec.h"
#include "protocol/plan.h"
#include "verify/challenge.h"
#include "verify/gradient_chain.h"

namespace assay {

namespace {

Result<std::vector<float>> floats_from(ByteSpan bytes, uint64_t count) {
    if (bytes.size() != count * sizeof(float)) {
        return fail("parameters of " + std::to_string(bytes.size()) + " bytes, expected " +
                    std::to_string(count * sizeof(float)));
    }
    return floats_of(bytes);
}

}  // namespace

struct Trainer::UndecidedRound {
    std::unique_ptr<GradientChain> chain;
    std::vector<float> m;  // the new triple
    std::vector<float> v;
    std::vector<float> e;
    TripleRoots roots;
    Bytes payload;
    std::vector<double> energies;
    PlanPeer as;
    float loss = 0;
    std::vector<Digest> blobs;
};

// The model as the inner loop sees it: each gradient goes through step_gradient.
class Trainer::SteppedModel : public GradientModel {
public:
    SteppedModel(Trainer& trainer, const RoundPlan& plan) : trainer_(trainer), plan_(plan) {}

    [[nodiscard]] const ParameterLayout& layout() const override {
        return trainer_.model_.layout();
    }
    ThreadPool& pool() override { return trainer_.model_.pool(); }
    StepGradient gradient(std::span<const float> theta,
                          const TokenBatch& batch,
                          uint32_t grain_sequences,
                          std::span<float> gradient) override {
        ASSAY_CHECK_EQ(grain_sequences, plan_.grain_sequences);
        ASSAY_CHECK_LT(step_, plan_.inner_steps);
        ASSAY_CHECK_EQ(gradient.size(), theta.size());
        return trainer_.step_gradient(plan_, step_++, theta, batch, gradient);
    }
    std::vector<float> losses(std::span<const float> theta, const TokenBatch& batch) override {
        return trainer_.model_.losses(theta, batch);
    }

private:
    Trainer& trainer_;
    const RoundPlan& plan_;
    uint32_t step_ = 0;
};

Trainer::Trainer(TrainerSettings settings, TrainerPorts ports, GradientModel& model)
    : settings_(std::move(settings)), ports_(std::move(ports)), model_(model) {
    ASSAY_CHECK(ports_.put && ports_.get && ports_.drop && ports_.read_samples);
    ASSAY_CHECK(settings_.sample_count > 0);
    const uint64_t count = model_.layout().value_count();
    current_.m.assign(count, 0.0F);
    current_.v.assign(count, 0.0F);
    current_.e.assign(count, 0.0F);
    const Digest zero = zero_tiles_root(model_.layout().tile_count());
    roots_ = {zero, zero, zero};
}

Trainer::~Trainer() = default;

// ---- state ---------------------------------------------------------------------------------

Status Trainer::adopt_theta(std::span<const float> theta) {
    if (theta.size() != model_.layout().value_count()) {
        return fail("parameters of another size than the run's model");
    }
    current_.theta.assign(theta.begin(), theta.end());
    theta_root_ = tiles_root(current_.theta);
    return {};
}

Status Trainer::adopt_theta_blob(const BlobRef& blob, const Digest& root) {
    const Result<Bytes> bytes = ports_.get(blob);
    if (!bytes) {
        return bytes.error();
    }
    Result<std::vector<float>> theta = floats_from(*bytes, model_.layout().value_count());
    if (!theta) {
        return theta.error();
    }
    const Digest came = tiles_root(*theta);
    if (came != root) {
        return fail("parameters with root " + came.hex() + ", expected " + root.hex());
    }
    current_.theta = std::move(*theta);
    theta_root_ = came;
    return {};
}

Status Trainer::restore(TrainerState current) {
    const uint64_t count = model_.layout().value_count();
    if (current.theta.size() != count || current.m.size() != count || current.v.size() != count ||
        current.e.size() != count) {
        return fail("the stored state is not of the run's model");
    }
    current_ = std::move(current);
    theta_root_ = tiles_root(current_.theta);
    roots_ = {tiles_root(current_.m), tiles_root(current_.v), tiles_root(current_.e)};
    return {};
}

Status Trainer::restore_next(NextTriple next) {
    const uint64_t count = model_.layout().value_count();
    if (next.m.size() != count || next.v.size() != count || next.e.size() != count) {
        return fail("the stored triple is not of the run's model");
    }
    auto undecided = std::make_unique<UndecidedRound>();
    undecided->m = std::move(next.m);
    undecided->v = std::move(next.v);
    undecided->e = std::move(next.e);
    undecided->roots = {
        tiles_root(undecided->m), tiles_root(undecided->v), tiles_root(undecided->e)};
    rounds_[next.round] = std::move(undecided);
    return {};
}

std::optional<NextTripleView> Trainer::next(RoundId round) const {
    const auto found = rounds_.find(round);
    if (found == rounds_.end()) {
        return std::nullopt;
    }
    const UndecidedRound& undecided = *found->second;
    return NextTripleView{round, undecided.m, undecided.v, undecided.e};
}

// Each of m, v, e becomes what the plan says this round starts from: a finished round's new one,
// the old one, or zero.
Status Trainer::choose_triple(const PlanPeer& as) {
    const Digest zero = zero_tiles_root(model_.layout().tile_count());
    const auto choose = [&](const Digest& wanted,
                            std::vector<float>& values,
                            Digest& root,
                            std::vector<float> UndecidedRound::*next,
                            Digest TripleRoots::*next_root) {
        if (root == wanted) {
            return true;
        }
        for (auto& [round, undecided] : rounds_) {
            if (undecided->roots.*next_root == wanted) {
                values = (*undecided).*next;
                root = wanted;
                return true;
            }
        }
        if (wanted == zero) {
            std::fill(values.begin(), values.end(), 0.0F);
            root = zero;
            return true;
        }
        return false;
    };
    const bool found =
        choose(as.m_root, current_.m, roots_.m, &UndecidedRound::m, &TripleRoots::m) &&
        choose(as.v_root, current_.v, roots_.v, &UndecidedRound::v, &TripleRoots::v) &&
        choose(as.e_root, current_.e, roots_.e, &UndecidedRound::e, &TripleRoots::e);
    ASSAY_CHECK(!found || roots_ == (TripleRoots{as.m_root, as.v_root, as.e_root}));
    return found ? Status() : fail("the plan asks for moments that this peer does not hold");
}

// ---- a round -------------------------------------------------------------------------------

Result<TrainedRound> Trainer::train(const RoundPlan& plan, const StepHook& hook) {
    const PlanPeer* self = find_peer(plan, settings_.self);
    if (self == nullptr) {
        return fail(in_words(plan.round) + " has no place for this peer");
    }
    return train_as(plan, *self, hook);
}

Result<TrainedRound> Trainer::train_as(const RoundPlan& plan,
                                       const PlanPeer& as,
                                       const StepHook& hook) {
    Result<std::vector<float>> base = base_parameters(plan);
    if (!base) {
        return base.error();
    }
    if (Status triple = choose_triple(as); !triple) {
        return triple.error();
    }
    const Assignment dealt = assign(settings_.run_seed, plan, settings_.sample_count);
    const PeerAssignment* assignment = dealt.find(as.id);
    const PeerAssignment* own = dealt.find(settings_.self);
    if (assignment == nullptr || own == nullptr) {
        return fail(in_words(plan.round) + " deals no samples to this peer");
    }
    const Digest base_root = tiles_root(*base);
    Result<std::unique_ptr<UndecidedRound>> undecided =
        run_steps(plan, as, *assignment, *base, hook);
    if (!undecided) {
        return undecided.error();
    }
    ASSAY_CHECK_EQ(base->size(), model_.layout().value_count());
    if (Status packed = compress_round(plan, **undecided, *base); !packed) {
        return packed.error();
    }
    TrainedRound done;
    done.commit.manifest_digest = settings_.manifest_digest;
    done.commit.round = plan.round;
    done.commit.plan_digest = plan_digest(plan);
    done.commit.ledger_head = plan.ledger_head;
    done.commit.base_root = base_root;
    done.commit.assignment_digest = assignment_digest(*own);
    (*undecided)->chain->fill(done.commit);
    done.commit.payload_hash = sha256_plain((*undecided)->payload);
    done.commit.payload_bytes = (*undecided)->payload.size();
    done.commit.tokens = uint64_t{plan.inner_steps} *
                         find_peer(plan, settings_.self)->sequences_per_step * plan.sequence_tokens;
    const Result<BlobRef> payload = keep(**undecided, (*undecided)->payload);
    if (!payload) {
        return payload.error();
    }
    done.payload = *payload;
    done.loss = (*undecided)->loss;
    ASSAY_CHECK_EQ(done.commit.payload_hash, done.payload.sha256);
    rounds_[plan.round] = std::move(*undecided);
    return done;
}

Result<std::unique_ptr<Trainer::UndecidedRound>> Trainer::run_steps(
    const RoundPlan& plan,
    const PlanPeer& as,
    const PeerAssignment& assignment,
    std::vector<float> base,
    const StepHook& hook) {
    auto undecided = std::make_unique<UndecidedRound>();
    undecided->as = as;
    Result<std::unique_ptr<GradientChain>> chain =
        GradientChain::begin(as.id,
                             model_.layout(),
                             as.numeric_class,
                             settings_.adam,
                             inner_plan(plan, as),
                             {base, current_.m, current_.v},
                             settings_.chain_place,
                             &model_.pool());
    if (!chain) {
        return chain.error();
    }
    undecided->chain = std::move(*chain);
    SteppedModel stepped(*this, plan);
    InnerLoop loop(stepped,
                   settings_.adam,
                   inner_plan(plan, as),
                   {std::move(base), current_.m, current_.v},
                   undecided->chain->hashed());
    const auto batch_of = [&](uint32_t step) -> Result<TokenBatch> {
        const std::vector<uint64_t> samples =
            choose_samples(plan, step, assignment.step(step, plan.inner_steps));
        Result<std::vector<int32_t>> tokens = ports_.read_samples(samples);
        if (!tokens) {
            return tokens.error();
        }
        if (tokens->size() != samples.size() * (size_t{plan.sequence_tokens} + 1)) {
            return fail(in_words(plan.round) + " asks for sequences of " +
                        std::to_string(plan.sequence_tokens) +
                        " tokens, which are not those of this run's data");
        }
        return TokenBatch{
            static_cast<uint32_t>(samples.size()), plan.sequence_tokens, std::move(*tokens)};
    };
    const auto record = [&](const InnerStep& step) {
        const std::span<const uint64_t> assigned = assignment.step(step.step, plan.inner_steps);
        undecided->loss = step.mean_loss;
        return undecided->chain->record(step, batch_digest({assigned.begin(), assigned.end()}));
    };
    for (uint32_t step = 0; step < plan.inner_steps; ++step) {
        if (!hook(step, undecided->loss)) {
            return fail(in_words(plan.round) + " is abandoned");
        }
        if (Status taken = loop.advance(batch_of, record); !taken) {
            return taken.error();
        }
    }
    InnerState end = loop.state();
    undecided->chain->finish(end);
    ASSAY_CHECK(end.m.size() == current_.m.size() && end.v.size() == current_.v.size());
    undecided->m = std::move(end.m);
    undecided->v = std::move(end.v);
    return undecided;
}

Status Trainer::compress_round(const RoundPlan& plan,
                               UndecidedRound& undecided,
                               std::span<const float> base) {
    const ParameterLayout& layout = model_.layout();
    undecided.e = current_.e;
    Result<CompressedPayload> packed = compress_payload(strategy_of(settings_.outer),
                                                        base,
                                                        undecided.chain->theta_end(),
                                                        undecided.e,
                                                        layout,
                                                        settings_.compression);
    if (!packed) {
        return packed.error();
    }
    const PeerPayload honest = packed->payload;
    edit_payload(plan, packed->payload);
    if (!(packed->payload == honest)) {
        packed->bytes = is_dense(strategy_of(settings_.outer))
                            ? encode_dense(packed->payload.dense, layout)
                            : encode_update(packed->payload.sparse, layout, settings_.compression);
    }
    ASSAY_CHECK_EQ(undecided.e.size(), layout.value_count());
    undecided.energies = payload_energies(packed->payload);
    undecided.payload = std::move(packed->bytes);
    undecided.chain->record_feedback(
        current_.e, undecided.e, {strategy_of(settings_.outer), settings_.compression});
    undecided.roots = {undecided.chain->end_leaf().m_after_root,
                       undecided.chain->end_leaf().v_after_root,
                       tiles_root(undecided.e)};
    return {};
}

Result<BlobRef> Trainer::keep(UndecidedRound& undecided, ByteSpan bytes) {
    Result<BlobRef> blob = ports_.put(bytes);
    if (blob) {
        undecided.blobs.push_back(blob->sha256);
    }
    return blob;
}

Result<OpeningNotice> Trainer::answer(const RoundPlan& plan,
                                      const Commit& commit,
                                      const Digest& commit_hash,
                                      const Digest& beacon) {
    const auto found = rounds_.find(plan.round);
    const PlanPeer* self = find_peer(plan, settings_.self);
    if (found == rounds_.end() || self == nullptr || plan_digest(plan) != commit.plan_digest ||
        sha256_plain(found->second->payload) != commit.payload_hash) {
        return fail("the gradient chain of " + in_words(plan.round) + " is not here");
    }
    UndecidedRound& undecided = *found->second;
    const Challenge challenge = draw_challenge(beacon,
                                               commit_hash,
                                               model_.layout(),
                                               undecided.energies,
                                               settings_.verify,
                                               plan.inner_steps,
                                               self->audit_ppm);
    const Result<Bytes> bytes = undecided.chain->opening_bytes(plan, undecided.as, challenge);
    if (!bytes) {
        return bytes.error();
    }
    OpeningNotice notice;
    notice.round = plan.round;
    const Result<BlobRef> opening = keep(undecided, *bytes);
    if (!opening) {
        return opening.error();
    }
    notice.opening = *opening;
    if (!challenge.audited) {
        return notice;
    }
    for (const uint32_t step : challenge.steps) {
        Result<StepStates> opened = open_step(undecided, step);
        if (!opened) {
            return opened.error();
        }
        notice.steps.push_back(*opened);
    }
    return notice;
}

Result<OpeningNotice> Trainer::answer_again(const RoundPlan& plan,
                                            const Commit& commit,
                                            const Digest& commit_hash,
                                            const Digest& beacon,
                                            TrainerState start,
                                            const StepHook& hook) {
    ASSAY_CHECK_EQ(plan_digest(plan), commit.plan_digest);
    TrainerState now = std::exchange(current_, {});
    const TripleRoots roots = roots_;
    const Digest theta_root = theta_root_;
    const Status started = restore(std::move(start));
    const Result<TrainedRound> again =
        started ? train(plan, hook) : Result<TrainedRound>(started.error());
    current_ = std::move(now);
    roots_ = roots;
    theta_root_ = theta_root;
    if (!again) {
        return again.error();
    }
    if (again->commit.payload_hash != commit.payload_hash) {
        return fail("trained again, " + in_words(plan.round) +
                    " gives another payload than the one that was committed");
    }
    return answer(plan, commit, commit_hash, beacon);
}

bool Trainer::holds_chain(RoundId round) const {
    const auto found = rounds_.find(round);
    return found != rounds_.end() && found->second->chain != nullptr;
}

Result<StepStates> Trainer::open_step(UndecidedRound& undecided, uint32_t step) {
    ASSAY_CHECK(undecided.chain != nullptr);  // a round of before a restart has no payload either
    const Result<StepState> state = undecided.chain->step_state(step);
    if (!state) {
        return state.error();
    }
    StepStates opened;
    opened.step = step;
    const auto put = [&](const std::vector<float>& values, BlobRef& blob) -> Status {
        if (values.empty()) {
            return {};
        }
        Result<BlobRef> kept = keep(undecided, float_bytes(values));
        if (!kept) {
            return kept.error();
        }
        blob = *kept;
        return {};
    };
    const bool exact = undecided.as.numeric_class == NumericClass::kExact;
    Status status = put(state->theta, opened.theta);
    if (status.ok() && !exact) {
        status = put(state->g, opened.g);
    }
    if (status.ok() && !exact) {
        status = put(state->v, opened.v);
    }
    if (!status) {
        return status.error();
    }
    return opened;
}

Result<Digest> Trainer::apply(const RoundSummary& summary, bool counted) {
    const auto found = rounds_.find(summary.round);
    if (counted && found != rounds_.end()) {
        UndecidedRound& undecided = *found->second;
        current_.m = std::move(undecided.m);
        current_.v = std::move(undecided.v);
        current_.e = std::move(undecided.e);
        roots_ = std::exchange(undecided.roots, {});  // an owed round stays, without its triple
    }
    forget(summary.round);
    if (summary.aggregate.size_bytes == 0) {
        return theta_root_;
    }
    const Result<Bytes> bytes = ports_.get(summary.aggregate);
    if (!bytes) {
        return bytes.error();
    }
    const Result<std::vector<float>> step = decode_aggregate(
        *bytes, model_.layout(), settings_.compression, is_dense(strategy_of(settings_.outer)));
    if (!step) {
        return step.error();
    }
    if (current_.theta.size() != step->size()) {
        return fail("an aggregate came before the parameters");
    }
    // The round is decided: its triple was taken or is none to go on from.
    ASSAY_CHECK(rounds_.count(summary.round) == 0 || owed_.count(summary.round) > 0);
    theta_moves(current_.theta);
    apply_step(current_.theta, *step);
    theta_root_ = tiles_root(current_.theta);
    return theta_root_;
}

// The newest triple stays until a later round is trained: this peer may have been away when its
// round was decided, and the next plan says whether to go on from it.
// Blobs are named by content: a later round may hold the same one.
void Trainer::forget(RoundId round) {
    const RoundId newest = rounds_.empty() ? round : rounds_.rbegin()->first;
    std::set<Digest> dropped;
    std::erase_if(rounds_, [&](auto& undecided) {
        if (undecided.first > round || owed_.count(undecided.first) > 0) {
            return false;
        }
        std::vector<Digest>& blobs = undecided.second->blobs;
        dropped.insert(blobs.begin(), blobs.end());
        blobs.clear();
        const bool needed = undecided.first == newest && newest < round;
        return !needed;
    });
    for (const auto& [later, undecided] : rounds_) {
        for (const Digest& blob : undecided->blobs) {
            dropped.erase(blob);
        }
    }
    for (const Digest& blob : dropped) {
        ports_.drop(blob);
    }
}

// ---- where adversaries differ --------------------------------------------------------------

Result<std::vector<float>> Trainer::base_parameters(const RoundPlan& plan) {
    if (theta_root_ != plan.base_root) {
        return fail("this peer's parameters are " + theta_root_.brief() +
                    ", the plan starts from " + plan.base_root.brief());
    }
    return current_.theta;
}

std::vector<uint64_t> Trainer::choose_samples(const RoundPlan&,
                                              uint32_t,
                                              std::span<const uint64_t> assigned) {
    return {assigned.begin(), assigned.end()};
}

StepGradient Trainer::step_gradient(const RoundPlan& plan,
                                    uint32_t,
                                    std::span<const float> theta,
                                    const TokenBatch& batch,
                                    std::span<float> gradient) {
    return model_.gradient(theta, batch, plan.grain_sequences, gradient);
}

void Trainer::edit_payload(const RoundPlan&, PeerPayload&) {}

void Trainer::theta_moves(std::span<const float>) {}

}  // namespace assay
