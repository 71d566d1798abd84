#include "ledger/receipt_check.h"

#include <optional>

#include "ledger/event.h"
#include "ledger/ledger_verify.h"
#include "protocol/codec.h"
#include "protocol/plan.h"
#include "protocol/signed_lines.h"

namespace assay {

namespace {

const char* in_words(ReceiptKind kind) {
    switch (kind) {
        case ReceiptKind::kCommit:
            return "COMMIT";
        case ReceiptKind::kPayload:
            return "payload";
        case ReceiptKind::kOpening:
            return "opening";
    }
    return "unknown thing";
}

std::string in_words(const Receipt& receipt) {
    return "receipt of the " + std::string(in_words(receipt.kind)) + " " + receipt.hash.brief() +
           " of peer " + receipt.peer.brief() + " in " + assay::in_words(receipt.round);
}

RecordKind kind_of_record(ReceiptKind kind) {
    switch (kind) {
        case ReceiptKind::kCommit:
            return RecordKind::kCommit;
        case ReceiptKind::kPayload:
            return RecordKind::kPayload;
        case ReceiptKind::kOpening:
            return RecordKind::kOpening;
    }
    return RecordKind::kRunStart;
}

// What a receipt's hash is of; none where the record says nothing of the kind.
std::optional<Digest> hash_in(const Record& record) {
    const Result<LedgerEvent> event = decode_record(record);
    if (!event) {
        return std::nullopt;
    }
    if (const auto* commit = std::get_if<CommitEvent>(&*event)) {
        return commit->hash;
    }
    if (const auto* payload = std::get_if<PayloadBody>(&*event)) {
        return payload->sha256;
    }
    const auto* opening = std::get_if<OpeningEvent>(&*event);
    return opening != nullptr && opening->notice ? std::optional(opening->notice->opening.sha256)
                                                 : std::nullopt;
}

class ReceiptJudge {
public:
    ReceiptJudge(const Ledger& ledger, const RunManifest& manifest)
        : ledger_(ledger), manifest_(manifest), manifest_digest_(manifest_digest(manifest)) {}

    void take(const Envelope& envelope, size_t number) {
        const std::string where = "message " + std::to_string(number);
        if (envelope.signer != manifest_.coordinator) {
            worthless(where,
                      "signed by " + envelope.signer.brief() +
                          ", not by this ledger's coordinator " + manifest_.coordinator.brief());
            return;
        }
        if (!verify_signature(envelope.signer,
                              envelope_digest(envelope.kind, envelope.body).span(),
                              envelope.signature)) {
            worthless(where, "forged: the signature is not the coordinator's");
            return;
        }
        const Result<Message> message = decode_message(envelope.kind, envelope.body);
        if (!message) {
            worthless(where, message.reason());
        } else if (const auto* receipt = std::get_if<Receipt>(&*message)) {
            judge(*receipt);
        } else if (const auto* notice = std::get_if<CloseNotice>(&*message)) {
            judge(notice->close);
        } else if (const auto* summary = std::get_if<RoundSummary>(&*message)) {
            judge(*summary, envelope.body);
        } else {
            worthless(where,
                      std::string("a ") + message_name(envelope.kind) +
                          " binds the coordinator to no record");
        }
    }

    ReceiptReport finish() { return std::move(report_); }

private:
    void worthless(const std::string& what, const std::string& why) {
        report_.worthless.push_back(what + ": " + why);
    }
    void settle(const std::string& what, const std::string& denial) {
        if (denial.empty()) {
            report_.held.push_back(what);
        } else {
            report_.contradicted.push_back(what + ": " + denial);
        }
    }

    bool of_this_run(const std::string& what, const Digest& digest) {
        if (digest != manifest_digest_) {
            worthless(what,
                      "of another run (manifest " + digest.brief() + ", this ledger's is " +
                          manifest_digest_.brief() + ")");
        }
        return digest == manifest_digest_;
    }

    void judge(const Receipt& receipt) {
        if (of_this_run(in_words(receipt), receipt.manifest_digest)) {
            settle(in_words(receipt), denial_of(receipt));
        }
    }

    // "": the ledger says what the receipt says.
    [[nodiscard]] std::string denial_of(const Receipt& receipt) const {
        if (receipt.height >= ledger_.height()) {
            return "it is signed for record " + std::to_string(receipt.height) +
                   ", and the ledger ends before it, at " + std::to_string(ledger_.height()) +
                   " records";
        }
        const Result<std::vector<Record>> read = ledger_.read(receipt.height, 1);
        if (!read || read->size() != 1) {
            return "record " + std::to_string(receipt.height) +
                   " cannot be read: " + (read ? "it is not there" : read.reason());
        }
        const Record& record = read->front();
        const std::string at = "record " + std::to_string(receipt.height) + " of the ledger ";
        if (record.kind != kind_of_record(receipt.kind) || record.round != receipt.round ||
            record.subject != receipt.peer || hash_in(record) != receipt.hash) {
            return at + "says something else: " + record_kind_name(record.kind) + " of " +
                   assay::in_words(record.round) +
                   (has_subject(record.kind) ? ", peer " + record.subject.brief() : "");
        }
        return record_hash(record) == receipt.record_hash
                   ? ""
                   : at + "says the same, behind another history: its hash is " +
                         record_hash(record).brief() + ", signed was " +
                         receipt.record_hash.brief();
    }

    // The only record of its kind in that round; none if there is none.
    [[nodiscard]] std::optional<Record> find(RecordKind kind, RoundId round) const {
        std::optional<Record> found;
        (void)for_each_record(ledger_, [&](const Record& record) {
            if (record.kind == kind && record.round == round && !found) {
                found = record;
            }
            return Status();
        });
        return found;
    }

    void judge(const Close& close) {
        const std::string what = "CLOSE of " + assay::in_words(close.round);
        if (!of_this_run(what, close.manifest_digest)) {
            return;
        }
        const std::optional<Record> record = find(RecordKind::kClose, close.round);
        const Result<CloseBody> body =
            record ? CloseBody::decode(record->body) : Result<CloseBody>(fail("not there"));
        settle(what,
               !record ? "the ledger has no CLOSE of that round"
               : body && body->close == encode_close(close)
                   ? ""
                   : "record " + std::to_string(record->height) + " of the ledger is another one");
    }

    void judge(const RoundSummary& summary, const Bytes& body) {
        const std::string what = "summary of " + assay::in_words(summary.round);
        const std::optional<Record> record = find(RecordKind::kSummary, summary.round);
        settle(what,
               !record ? "the ledger has no summary of that round"
               : record->body == body
                   ? ""
                   : "record " + std::to_string(record->height) + " of the ledger is another one");
    }

    const Ledger& ledger_;
    const RunManifest& manifest_;
    const Digest manifest_digest_;
    ReceiptReport report_;
};

}  // namespace

Result<ReceiptReport> judge_receipts(const Ledger& ledger, const std::string& text) {
    const Result<RunManifest> manifest = ledger_manifest(ledger);
    if (!manifest) {
        return manifest.error();
    }
    const Result<std::vector<Envelope>> envelopes = read_signed_lines(text);
    if (!envelopes) {
        return envelopes.error();
    }
    if (envelopes->empty()) {
        return fail("it holds no signed message");
    }
    ReceiptJudge judge(ledger, *manifest);
    for (size_t i = 0; i < envelopes->size(); ++i) {
        judge.take((*envelopes)[i], i + 1);
    }
    return judge.finish();
}

std::string ReceiptReport::text() const {
    std::string out;
    const auto add = [&out](const char* how, const std::vector<std::string>& lines) {
        for (const std::string& line : lines) {
            out += std::string(out.empty() ? "" : "\n") + how + line;
        }
    };
    add("the ledger says it too: ", held);
    add("the ledger CONTRADICTS the ", contradicted);
    add("proves nothing: ", worthless);
    return out;
}

}  // namespace assay
