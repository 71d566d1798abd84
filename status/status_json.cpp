#include "status/status_json.h"

#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "core/check.h"
#include "core/files.h"
#include "core/identity.h"
#include "core/json_depth.h"

namespace assay {

namespace {

using nlohmann::json;

constexpr uint64_t kStatusBytesMax = 64U << 20;

json peer_to_json(const PeerStatus& p) {
    // As in the books: nothing is negative.
    ASSAY_CHECK(p.unvested >= 0 && p.vested >= 0 && p.deposit >= 0 && p.forfeited >= 0);
    return json{{"id", p.id.hex()},
                {"connected", p.connected},
                {"doing", p.doing},
                {"verdict", p.verdict},
                {"reason", p.reason},
                {"payload_bytes", p.payload_bytes},
                {"uploaded_bytes", p.uploaded_bytes},
                {"tokens_per_second", p.tokens_per_second},
                {"loss", p.loss},
                {"tenure_rounds", p.tenure_rounds},
                {"share_nano_nats", p.share_nano_nats},
                {"earned", p.earned},
                {"unvested", p.unvested},
                {"vested", p.vested},
                {"deposit", p.deposit},
                {"forfeited", p.forfeited}};
}

// As in the books: an amount is not negative.
int64_t amount_from(const json& j, const char* key) {
    const auto amount = j.at(key).get<int64_t>();
    if (amount < 0) {
        throw std::out_of_range(std::string(key) + " is negative");
    }
    return amount;
}

PeerStatus peer_from_json(const json& j) {
    PeerStatus p;
    Result<PeerId> id = peer_id_from_hex(j.at("id").get<std::string>());
    p.id = id ? *id : PeerId{};
    p.connected = j.at("connected").get<bool>();
    p.doing = j.at("doing").get<std::string>();
    p.verdict = j.at("verdict").get<std::string>();
    p.reason = j.at("reason").get<std::string>();
    p.payload_bytes = j.at("payload_bytes").get<uint64_t>();
    p.uploaded_bytes = j.at("uploaded_bytes").get<uint64_t>();
    p.tokens_per_second = j.at("tokens_per_second").get<uint32_t>();
    p.loss = j.at("loss").is_number() ? j.at("loss").get<float>() : 0.0F;
    p.tenure_rounds = j.at("tenure_rounds").get<uint32_t>();
    p.share_nano_nats = j.at("share_nano_nats").get<int64_t>();
    p.earned = j.at("earned").get<int64_t>();
    p.unvested = amount_from(j, "unvested");
    p.vested = amount_from(j, "vested");
    p.deposit = amount_from(j, "deposit");
    p.forfeited = amount_from(j, "forfeited");
    return p;
}

json peers_to_json(const std::vector<PeerStatus>& peers) {
    json list = json::array();
    for (const PeerStatus& peer : peers) {
        list.push_back(peer_to_json(peer));
    }
    return list;
}

std::vector<PeerStatus> peers_from_json(const json& list) {
    std::vector<PeerStatus> peers;
    for (const json& entry : list) {
        peers.push_back(peer_from_json(entry));
    }
    return peers;
}

template <typename T, typename Fill>
Result<T> parse(const std::string& text, Fill fill) {
    if (Status depth = check_json_depth(text); !depth) {
        return fail("status is not readable: " + depth.reason());
    }
    try {
        T value;
        fill(json::parse(text), value);
        return value;
    } catch (const std::exception& error) {
        return fail(std::string("status is not readable: ") + error.what());
    }
}

}  // namespace

std::string to_json(const CoordinatorStatus& s) {
    const json j{{"endpoint", s.endpoint},
                 {"key", s.key},
                 {"phase", s.phase},
                 {"round", s.round.value},
                 {"rounds_total", s.rounds_total},
                 {"finished", s.finished},
                 {"theta_root", s.theta_root},
                 {"unigram_entropy", s.unigram_entropy},
                 {"refused_messages", s.refused_messages},
                 {"peers", peers_to_json(s.peers)}};
    return j.dump();
}

std::string to_json(const RoundStatus& r) {
    ASSAY_CHECK(r.tokens == 0 || !r.voided);  // of a voided round nothing counts
    const json j{{"round", r.round.value},
                 {"voided", r.voided},
                 {"loss_before", r.loss_before},
                 {"loss_after", r.loss_after},
                 {"tokens", r.tokens},
                 {"seconds", r.seconds},
                 {"judge_seconds", r.judge_seconds},
                 {"audit_seconds", r.audit_seconds},
                 {"bits_per_kept_value", r.bits_per_kept_value},
                 {"aggregate_bytes", r.aggregate_bytes},
                 {"closure_error", r.closure_error},
                 {"theta_root", r.theta_root},
                 {"peers", peers_to_json(r.peers)}};
    return j.dump();
}

Result<CoordinatorStatus> coordinator_status_from_json(const std::string& text) {
    return parse<CoordinatorStatus>(text, [](const json& j, CoordinatorStatus& s) {
        s.endpoint = j.at("endpoint").get<std::string>();
        s.key = j.at("key").get<std::string>();
        s.phase = j.at("phase").get<std::string>();
        s.round.value = j.at("round").get<uint64_t>();
        s.rounds_total = j.at("rounds_total").get<uint64_t>();
        s.finished = j.at("finished").get<bool>();
        s.theta_root = j.at("theta_root").get<std::string>();
        s.unigram_entropy = j.at("unigram_entropy").get<double>();
        s.refused_messages = j.at("refused_messages").get<uint64_t>();
        s.peers = peers_from_json(j.at("peers"));
    });
}

Result<RoundStatus> round_status_from_json(const std::string& text) {
    return parse<RoundStatus>(text, [](const json& j, RoundStatus& r) {
        r.round.value = j.at("round").get<uint64_t>();
        r.voided = j.at("voided").get<bool>();
        r.loss_before = j.at("loss_before").get<float>();
        r.loss_after = j.at("loss_after").get<float>();
        r.tokens = j.at("tokens").get<uint64_t>();
        if (r.voided && r.tokens != 0) {
            throw std::out_of_range("a voided round counts no tokens");
        }
        r.seconds = j.at("seconds").get<double>();
        r.judge_seconds = j.at("judge_seconds").get<double>();
        r.audit_seconds = j.at("audit_seconds").get<double>();
        r.bits_per_kept_value = j.at("bits_per_kept_value").get<double>();
        r.aggregate_bytes = j.at("aggregate_bytes").get<uint64_t>();
        r.closure_error = j.at("closure_error").get<double>();
        r.theta_root = j.at("theta_root").get<std::string>();
        r.peers = peers_from_json(j.at("peers"));
    });
}

std::string to_json(const PeerReport& p) {
    const json j{{"id", p.id},
                 {"round", p.round.value},
                 {"theta_root", p.theta_root},
                 {"state", p.state},
                 {"error", p.error}};
    return j.dump();
}

Result<PeerReport> peer_report_from_json(const std::string& text) {
    return parse<PeerReport>(text, [](const json& j, PeerReport& p) {
        p.id = j.at("id").get<std::string>();
        p.round.value = j.at("round").get<uint64_t>();
        p.theta_root = j.at("theta_root").get<std::string>();
        p.state = j.at("state").get<std::string>();
        p.error = j.at("error").get<std::string>();
    });
}

Result<std::vector<RoundStatus>> read_rounds(const std::filesystem::path& folder) {
    Result<std::string> text = read_text_file(folder / kRoundsFile, kStatusBytesMax);
    if (!text) {
        return text.error();
    }
    std::vector<RoundStatus> rounds;
    std::istringstream lines(*text);
    std::string line;
    while (std::getline(lines, line)) {
        Result<RoundStatus> round = round_status_from_json(line);
        if (round) {
            rounds.push_back(*round);
        }
    }
    return rounds;
}

}  // namespace assay
