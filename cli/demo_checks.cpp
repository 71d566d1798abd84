#include "cli/demo_checks.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "adversaries/adversary.h"
#include "cli/demo_table.h"

namespace assay {

namespace {

const PeerStatus* find(const CoordinatorStatus& status, const PeerId& id) {
    for (const PeerStatus& peer : status.peers) {
        if (peer.id == id) {
            return &peer;
        }
    }
    return nullptr;
}

std::string figure(const char* format, double a, double b) {
    char text[160];
    std::snprintf(text, sizeof(text), format, a, b);
    return text;
}

DemoCheck check_loss(const DemoOutcome& outcome) {
    if (outcome.rounds.empty()) {
        return {false, "no round was finished"};
    }
    const double loss = outcome.rounds.back().loss_after;
    const double entropy = outcome.status.unigram_entropy;
    return {loss < entropy && loss > 0,
            figure("held-out loss %.4f nats/token against the text's unigram entropy %.4f",
                   loss,
                   entropy)};
}

// Adversaries may hold what they like; all honest replicas must be the coordinator's.
DemoCheck check_replicas(const DemoPlan& plan, const DemoOutcome& outcome) {
    const std::string& root = outcome.status.theta_root;
    for (size_t i = 0; i < plan.peers.size(); ++i) {
        const bool honest = plan.peers[i].attack.empty();
        if (honest && outcome.reports[i].theta_root != root) {
            return {false,
                    plan.peers[i].name + " holds " + outcome.reports[i].theta_root.substr(0, 12) +
                        ", the coordinator " + root.substr(0, 12)};
        }
    }
    return {!root.empty(), "all honest replicas hold " + root.substr(0, 12)};
}

bool has_committed(const DemoOutcome& outcome, const PeerId& id) {
    return std::any_of(
        outcome.rounds.begin(), outcome.rounds.end(), [&id](const RoundStatus& round) {
            return std::any_of(round.peers.begin(),
                               round.peers.end(),
                               [&id](const PeerStatus& peer) { return peer.id == id; });
        });
}

// It took part, was found by the layer that finds it, and got nothing.
DemoCheck check_cheat(const DemoPeer& peer, const DemoOutcome& outcome) {
    const PeerStatus* status = find(outcome.status, peer.id);
    if (status == nullptr) {
        return {false, peer.name + " never joined: nothing was tried, and nothing is shown"};
    }
    if (!has_committed(outcome, peer.id)) {
        return {false, peer.name + " committed in no round: nothing is shown"};
    }
    const auto rejection = outcome.rejections.find(peer.id);
    if (status->verdict == "counted" || rejection == outcome.rejections.end() ||
        rejection->second.layer != deciding_layer(peer.attack)) {
        return {false,
                peer.name + " is " + status->verdict + " (" + status->reason +
                    "); expected was a rejection by the layer that docs/verification.md names"};
    }
    return {status->vested == 0,
            peer.name + " vested " + std::to_string(status->vested) + " and forfeited " +
                std::to_string(status->forfeited) + ": " + status->reason};
}

std::vector<DemoCheck> check_pay(const DemoPlan& plan, const DemoOutcome& outcome) {
    std::vector<DemoCheck> checks;
    for (const DemoPeer& peer : plan.peers) {
        if (!peer.attack.empty()) {
            checks.push_back(check_cheat(peer, outcome));
            continue;
        }
        const PeerStatus* status = find(outcome.status, peer.id);
        const int64_t vested = status == nullptr ? 0 : status->vested;
        const int64_t left = status == nullptr ? 0 : status->unvested + status->deposit;
        checks.push_back({vested > 0 && left == 0,
                          peer.name + " was paid " + std::to_string(vested) +
                              (left == 0 ? "" : " and never gets " + std::to_string(left))});
    }
    return checks;
}

// Suspicion may raise the planned audit rate by a tenth at most.
DemoCheck check_audits(const AuditTally& audits) {
    return {audits.rate() <= 1.1 * audits.rate_without_suspicion(), audits_in_words(audits)};
}

nlohmann::json audits_json(const AuditTally& audits) {
    return {{"rate", audits.rate()},
            {"rate_without_suspicion", audits.rate_without_suspicion()},
            {"verdicts", audits.verdicts()},
            {"suspicious", audits.suspicious()}};
}

// What was to happen, and what follows from it alone.
nlohmann::json plan_json(const DemoPlan& plan) {
    const SurvivalFigures& figures = plan.survival;
    return {{"honest_peers", plan.options.peers},
            {"rounds", plan.options.rounds},
            {"threads", plan.threads},
            {"text", plan.text.string()},
            {"text_megabytes", plan.options.text_megabytes},
            {"config", plan.config.string()},
            {"prompt", plan.options.prompt},
            {"inner_steps", figures.inner_steps},
            {"audit_steps", figures.audit_steps},
            {"audit_min_ppm", figures.audit_ppm},
            {"vest_rounds", figures.vest_rounds},
            {"audits_before_vesting", figures.audits},
            {"lazy_survival", figures.probability}};
}

nlohmann::json round_json(const RoundStatus& round) {
    nlohmann::json json = nlohmann::json::parse(to_json(round));
    json["tokens_per_second"] = tokens_per_second(round);
    return json;
}

// Its last word, and what the coordinator's books say of it.
nlohmann::json peer_json(const DemoPeer& peer,
                         const PeerReport& report,
                         const CoordinatorStatus& status) {
    nlohmann::json json = nlohmann::json::parse(to_json(report));
    json["name"] = peer.name;
    json["attack"] = peer.attack;
    json["threads"] = peer.threads;
    json["kernels"] = peer.kernels;
    const PeerStatus* books = find(status, peer.id);
    const PeerStatus paid = books == nullptr ? PeerStatus{} : *books;
    json["verdict"] = paid.verdict;
    json["reason"] = paid.reason;
    json["vested"] = paid.vested;
    json["unvested"] = paid.unvested;
    json["deposit"] = paid.deposit;
    json["forfeited"] = paid.forfeited;
    return json;
}

}  // namespace

std::vector<DemoCheck> check_demo(const DemoPlan& plan, const DemoOutcome& outcome) {
    std::vector<DemoCheck> checks = {check_loss(outcome),
                                     check_replicas(plan, outcome),
                                     {outcome.ledger_ok, outcome.ledger_text}};
    for (DemoCheck& check : check_pay(plan, outcome)) {
        checks.push_back(std::move(check));
    }
    checks.push_back(check_audits(outcome.audits));
    checks.push_back({outcome.answered,
                      outcome.answered ? "the served model answered over HTTP"
                                       : "no HTTP answer: " + outcome.answer});
    return checks;
}

std::string demo_json(const DemoPlan& plan,
                      const DemoOutcome& outcome,
                      const std::vector<DemoCheck>& checks) {
    using nlohmann::json;
    json all;
    all["ok"] =
        std::all_of(checks.begin(), checks.end(), [](const DemoCheck& check) { return check.ok; });
    all["attack"] = plan.options.attack;
    all["plan"] = plan_json(plan);
    all["seconds"] = outcome.seconds;
    all["unigram_entropy"] = outcome.status.unigram_entropy;
    all["loss"] = outcome.rounds.empty() ? json() : json(outcome.rounds.back().loss_after);
    all["ledger"] = {{"ok", outcome.ledger_ok}, {"text", outcome.ledger_text}};
    all["audits"] = audits_json(outcome.audits);
    all["answered"] = outcome.answered;
    all["answer"] = outcome.answer;
    all["status"] = json::parse(to_json(outcome.status));
    all["rounds"] = json::array();
    for (const RoundStatus& round : outcome.rounds) {
        all["rounds"].push_back(round_json(round));
    }
    for (size_t i = 0; i < plan.peers.size(); ++i) {
        all["peers"].push_back(peer_json(plan.peers[i], outcome.reports[i], outcome.status));
    }
    for (const DemoCheck& check : checks) {
        all["checks"].push_back({{"ok", check.ok}, {"text", check.text}});
    }
    return all.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace assay
