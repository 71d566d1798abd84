// The nouns that travel between coordinator, peers and auditors, as plain structs.
//
// No protobuf type and no tensor here: protocol/codec.h gives them bytes and checks every bound.
// All digests named `..._root` are Merkle roots over 16 KiB tiles (core/merkle.h) unless said.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/identity.h"
#include "core/ids.h"
#include "core/merkle.h"

namespace assay {

// Frozen: these numbers are signed and stored.
enum class NumericClass : uint8_t { kExact = 1, kFp32 = 2, kTf32 = 3, kBf16 = 4 };
// As in run files: "exact".
inline const char* class_name(NumericClass numeric_class) {
    constexpr const char* kNames[] = {"exact", "fp32", "tf32", "bf16"};
    return kNames[static_cast<size_t>(numeric_class) - 1];
}

// Content that is too large for a message: fetched in pieces, checked against its plain SHA-256.
struct BlobRef {
    Digest sha256;
    uint64_t size_bytes = 0;
    std::vector<std::string> locations;  // "peer:<hex id>", "coordinator", later "s3://..."
};

// ---- joining ----------------------------------------------------------------------------

// Fixes a run. Its digest (codec: manifest_digest) is in every Hello and every COMMIT.
struct RunManifest {
    std::string run_name;
    std::string config_text;  // canonical text of the run's settings (configs/run_config.h)
    PeerId coordinator;
    Digest run_seed;
    Digest beacon_tail;          // chain_0; element r+1 hashes to element r
    uint64_t beacon_length = 0;  // number of rounds that the chain lasts
    Digest layout_digest;        // order, names and shapes of the parameters
    uint64_t parameter_tiles = 0;
    Digest initial_root;    // theta before round 0
    BlobRef tokenizer;      // tokenizer.json
    BlobRef data_manifest;  // lists the token shards with their hashes (data/data_manifest.h)
    std::vector<BlobRef> shards;
};

// First message of a peer. A zero manifest digest asks for the manifest.
struct Hello {
    uint32_t protocol_version = 0;
    Digest manifest_digest;
    NumericClass numeric_class = NumericClass::kFp32;
    uint32_t threads = 1;
    uint64_t tokens_per_second = 0;        // measured; 0 if not yet known
    uint64_t uplink_bytes_per_second = 0;  // measured; 0 if not yet known
    std::string build;
    uint64_t entry_nonce = 0;  // protocol/entry_work.h
};

struct Welcome {
    RunManifest manifest;
    RoundId next_round;  // first round that this peer may take part in
    Instant clock;       // of the coordinator's wall, as this was said
    std::string build;   // name and version of its program
};

// Frozen.
enum class RefusalCode : uint8_t {
    kMalformed = 1,
    kBadSignature = 2,
    kUnknownKey = 3,
    kWrongVersion = 4,
    kWrongManifest = 5,
    kWrongRound = 6,
    kTooLate = 7,
    kDuplicate = 8,
    kNotInRoster = 9,
    kOutOfBounds = 10,
    kRejected = 11,
    kWrongClass = 12,
    kKeyInUse = 13,
    kEntryWork = 14,
};

// Says no, why, and where it helps what was expected.
struct Refusal {
    RefusalCode code = RefusalCode::kMalformed;
    std::string reason;
    Digest expected;  // zero where it does not apply
    Digest received;
};

// ---- a round, down: plan ----------------------------------------------------------------

// Positions [begin, end) of the run's endless stream of samples (data/assignment.h).
struct SampleRange {
    uint64_t begin = 0;
    uint64_t end = 0;
    auto operator<=>(const SampleRange&) const = default;
};

struct PlanPeer {
    PeerId id;
    NumericClass numeric_class = NumericClass::kFp32;
    uint32_t sequences_per_step = 0;  // B_i
    uint32_t tenure_rounds = 0;       // counted rounds so far
    uint64_t optimiser_steps = 0;     // counted AdamW steps behind (m, v); 0: zero roots
    Digest m_root;                    // what this round must start from
    Digest v_root;
    Digest e_root;
    uint32_t audit_ppm = 1000000;  // probability of a gradient audit, parts per million
};

struct RoundPlan {
    RoundId round;
    Digest manifest_digest;
    Digest ledger_head;             // of the record before this plan
    Digest previous_beacon;         // beacon of the round before (zero before round 0)
    Digest base_root;               // theta that the round starts from
    Digest accumulator_root;        // E
    Digest roster_root;             // Merkle over (peer id, B_i) leaves, in order of id
    Digest pool_root;               // Merkle over the pool's ranges, in order
    uint64_t stream_position = 0;   // first position never handed out before
    std::vector<SampleRange> pool;  // returned ranges, served first, in order
    std::vector<PlanPeer> peers;    // in order of id
    uint32_t inner_steps = 0;       // H
    uint32_t grain_sequences = 1;
    uint32_t sequence_tokens = 0;              // T, without the target token behind it
    std::vector<uint32_t> learning_rate_bits;  // fp32 bit patterns, one a step, size H
    // Bias corrections 1/(1 - beta^k) for k = 1..size, fp32 bit patterns; past the end they are 1.
    std::vector<uint32_t> bias1_bits;
    std::vector<uint32_t> bias2_bits;
    BlobRef theta;  // raw little-endian fp32 of all tiles: for whoever lacks base_root
    Instant opened_at;
    Instant commit_deadline;     // D1
    Instant payload_deadline;    // D2
    DurationMs opening_time;     // T_c, counted from the reveal of the beacon
    uint64_t ledger_height = 0;  // records up to ledger_head; bound by the envelope alone
};

// ---- a round, up: commit, payload, opening ----------------------------------------------

// Leaf t of the states: digest = H("state" | peer | u64 t | theta | g | v), v zero in class exact.
struct StateLeaf {
    Digest theta_root;  // theta_t
    Digest g_root;      // g_t as AdamW was fed it (after clipping)
    Digest v_root;      // v_t before the update; zero in class exact
};

// The last leaf: digest = H("end" | peer | theta_H | m_0 | v_0 | m_H | v_H | sum).
struct EndLeaf {
    Digest theta_root;
    Digest m_before_root;
    Digest v_before_root;
    Digest m_after_root;
    Digest v_after_root;
    Digest sum_root;  // of what the compressor selects from: fma(beta, e, theta_r - theta_H)
};

// One leaf of the trace: H("trace" | peer | u64 t | f32 loss | f32 norm | batch | f32 losses...).
struct TraceStep {
    float mean_loss = 0;
    float gradient_norm = 0;  // before clipping
    Digest batch_id;          // H("batch" | u64 sample indices...)
    std::vector<float> sequence_losses;
};

// What a peer binds itself to before anything is revealed. Signed.
struct Commit {
    Digest manifest_digest;
    RoundId round;
    Digest plan_digest;
    Digest ledger_head;  // plan.ledger_head
    Digest base_root;
    Digest assignment_digest;  // data/assignment.h
    NumericClass numeric_class = NumericClass::kFp32;
    Digest states_root;  // Merkle over H state leaves and the end leaf
    Digest trace_root;   // Merkle over H trace leaves
    Digest e_before_root;
    Digest e_after_root;
    Digest payload_hash;  // plain SHA-256 of the payload
    uint64_t payload_bytes = 0;
    uint64_t tokens = 0;             // tokens that the peer says it trained on
    uint32_t tokens_per_second = 0;  // measured in this round
};

// The payload may be fetched from me now.
struct PayloadNotice {
    RoundId round;
    BlobRef payload;
};

struct StepStates {
    uint32_t step = 0;
    BlobRef theta;  // theta_t, raw fp32 tiles
    BlobRef g;      // g_t and v_t; size 0 in class exact
    BlobRef v;
};

// The opening (bytes: verify/opening.h) and the states of the audited steps may be fetched
// now.
struct OpeningNotice {
    RoundId round;
    BlobRef opening;
    std::vector<StepStates> steps;  // empty if this peer is not audited in this round
};

// A sign of life inside a round; sizes deadlines and the live table. Binds nothing.
struct Progress {
    RoundId round;
    uint32_t step = 0;
    float loss = 0;
    uint32_t tokens_per_second = 0;
};

// ---- a round, down: close, challenge, summary -------------------------------------------

struct CloseEntry {
    PeerId peer;
    Digest commit_hash;  // H("commit" | signed bytes of the COMMIT)
    Digest payload_hash;
};

// Signed by the coordinator. entries_root: Merkle over H("close" | peer | commit | payload), in
// order of peer id. Two different signed heads for one round are a proof of equivocation.
struct Close {
    RoundId round;
    Digest manifest_digest;
    Digest plan_digest;
    Digest entries_root;
    uint64_t entry_count = 0;
};

struct CloseNotice {
    Close close;
    std::optional<MerklePath> inclusion;  // of the receiver's own entry
};

struct Beacon {
    RoundId round;
    Digest chain_element;  // hashes to the element revealed before
    Digest close_root;     // entries_root
    Digest value;          // H("beacon" | chain_element | close_root)
};

// Frozen.
enum class CommitOutcome : uint8_t {
    kCounted = 1,
    kLate = 2,
    kGated = 3,     // L3: an honest but useless direction; no blame
    kRejected = 4,  // a check failed
    kVoided = 5,    // the round itself was voided
    kOwed = 6,      // drawn and not answered: the challenge stays open
};

struct SummaryEntry {
    PeerId peer;
    CommitOutcome outcome = CommitOutcome::kVoided;
    std::string reason;
};

struct RoundSummary {
    RoundId round;
    bool voided = false;
    std::string reason;  // why voided
    Digest plan_digest;
    Digest beacon_value;
    BlobRef aggregate;                  // Q(u), canonical payload bytes; size 0 in a voided round
    Digest theta_root;                  // after the outer step
    Digest accumulator_root;            // E after
    Digest momentum_root;               // outer momentum (zero tiles where there is none)
    Digest ledger_head;                 // of the record before this summary
    std::vector<SummaryEntry> entries;  // one a COMMIT, in order of peer id
    float loss_before = 0;  // held-out loss at the round's start and end, nats per token
    float loss_after = 0;
    uint64_t ledger_height = 0;  // records up to ledger_head
};

// What became of a challenge that this peer has not answered in its round. With `open` come plan,
// CLOSE and beacon of that round again where the peer may have lost them.
struct DebtNotice {
    RoundId round;
    bool open = false;   // else nothing is owed any more: the reason says how it ended
    Instant until;       // answered later, it is lost
    Digest commit_hash;  // of the COMMIT that was challenged, and the payload that it binds
    Digest payload_hash;
    std::string reason;
};

// ---- verification -----------------------------------------------------------------------

// Frozen. The layer of checks that decided (docs/verification.md).
enum class Layer : uint8_t {
    kIdentity = 0,
    kForm = 1,
    kCopies = 2,
    kDirection = 3,
    kTrace = 4,
    kGradientAudit = 5,
    kChunkChain = 6,
    kAppeal = 7,
    kAggregate = 8,
    kRefusal = 9,  // a challenge: owed (gated), answered late (accepted), never answered (rejected)
};

// Frozen.
enum class Ruling : uint8_t {
    kAccepted = 1,
    kGated = 2,     // not used, not blamed; by kRefusal: the challenge stays open
    kRejected = 3,  // proven or refused: forfeits
};

// What L6t measured of one peer's opened chains and L2 of its payload beside those of the others in
// its round, or the limits beyond which that is suspicious; in parts per million, rounded down.
struct TripwireFigures {
    uint32_t energy_ppm = 0;   // largest mean of g^2 / v_hat over a step
    uint32_t cosine_ppm = 0;   // largest cosine of two steps' gradients
    uint32_t overlap_ppm = 0;  // largest part of the kept indices that another payload shares
    uint32_t payload_cosine_ppm = 0;  // largest cosine with another payload
    bool operator==(const TripwireFigures&) const = default;
};

struct Verdict {
    RoundId round;
    PeerId peer;
    Ruling ruling = Ruling::kRejected;
    Layer layer = Layer::kForm;
    std::string reason;       // in words, with the figures
    Digest evidence;          // of the bytes from which a third party can recompute it
    bool suspicious = false;  // L6t or L2 fired: the peer's next rounds are audited with certainty
    // 0 where a layer did not look: the run's own limits follow (ledger/tripwire_history.h).
    TripwireFigures figures;
};

// One gradient to recompute. A value: it can be run on any machine.
struct AuditJob {
    RoundId round;
    PeerId peer;  // whose work: its id is in the digests of its leaves
    Digest manifest_digest;
    Digest plan_digest;
    Digest states_root;  // from the COMMIT
    Digest trace_root;
    NumericClass numeric_class = NumericClass::kFp32;
    uint32_t step = 0;
    StateLeaf leaf;
    MerklePath leaf_path;
    StepStates opening;
    std::vector<uint64_t> samples;  // sample indices of the step's batch, in order
    uint64_t optimiser_steps_before = 0;
};

struct AuditReport {
    Digest job;  // digest of the AuditJob's bytes
    RoundId round;
    PeerId peer;
    uint32_t step = 0;
    bool pass = false;
    std::string reason;
    double rho = 0;    // ||W (g_p - g_v)|| / ||W g_v||
    double alpha = 0;  // <g_p, g_v> / <g_v, g_v>
    double rho_worst_tensor = 0;
    double rho_worst_chunk = 0;
    Digest recomputed_root;  // of the recomputed g_t
};

// ---- blobs ------------------------------------------------------------------------------

struct BlobRequest {
    Digest sha256;
    uint64_t offset = 0;
    uint32_t length = 0;
};

// Empty data and missing = true: the sender does not have it (or may not give it yet).
struct BlobPiece {
    Digest sha256;
    uint64_t offset = 0;
    bool missing = false;
    Bytes data;
};

struct Heartbeat {
    uint64_t sequence = 0;
};

struct Goodbye {
    std::string reason;
};

// ---- what a peer can prove, and judge again -------------------------------------------------

// Frozen.
enum class EvidenceKind : uint8_t {
    kPayload = 1,
    kOpening = 2,
    kTheta = 3,         // states of an audited step
    kGradient = 4,      // tolerance classes only
    kSecondMoment = 5,  // tolerance classes only
    kBaseTiles = 6,     // of theta, by which an answer that came late was judged
};

// One blob by which a closed round was judged.
struct EvidenceEntry {
    PeerId peer;  // whose work
    EvidenceKind kind = EvidenceKind::kPayload;
    uint32_t step = 0;  // of a state
    BlobRef blob;
};

// Which blobs may be fetched of a closed round. Of members alone.
struct EvidenceRequest {
    RoundId round;
};

// Signed by the coordinator. Without entries: nothing of that round is kept, or not yet.
struct EvidenceIndex {
    Digest manifest_digest;
    RoundId round;
    uint64_t height = 0;  // of the ledger's newest record, and its hash
    Digest ledger_head;
    std::vector<EvidenceEntry> entries;  // in order of peer
    uint64_t left_out = 0;               // more than one message holds
};

// Frozen.
enum class ReceiptKind : uint8_t { kCommit = 1, kPayload = 2, kOpening = 3 };

// The coordinator has recorded what this peer handed in: with it the peer can dispute, before
// anybody, that it did not come.
struct Receipt {
    Digest manifest_digest;
    RoundId round;
    PeerId peer;
    ReceiptKind kind = ReceiptKind::kCommit;
    Digest hash;          // commit_hash of a COMMIT; SHA-256 of a payload or an opening
    uint64_t height = 0;  // of the ledger's record
    Digest record_hash;   // that record's: binds all of the ledger below it too
};

using Message = std::variant<Hello,
                             Welcome,
                             Refusal,
                             RoundPlan,
                             Commit,
                             PayloadNotice,
                             OpeningNotice,
                             Progress,
                             CloseNotice,
                             Beacon,
                             RoundSummary,
                             AuditJob,
                             AuditReport,
                             BlobRequest,
                             BlobPiece,
                             Heartbeat,
                             Goodbye,
                             DebtNotice,
                             Receipt,
                             EvidenceRequest,
                             EvidenceIndex>;

// A message with its sender's signature over exactly these bytes (H("envelope" | kind | body)).
struct Envelope {
    PeerId signer;
    uint8_t kind = 0;  // Message's index + 1; frozen with the order above
    Bytes body;
    Signature signature{};
};

}  // namespace assay
