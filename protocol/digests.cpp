// Digests by which messages name one another, over bytes of our own (core/bytes.h), so that every
// node that decoded a message gets the same. Locations of blobs are hints and are not bound.
#include "protocol/codec.h"

namespace assay {

namespace {

// One byte holds each: a digest over it names one value.
static_assert(sizeof(NumericClass) == 1);
static_assert(sizeof(BlobRef{}.size_bytes) == 8 && sizeof(SampleRange{}.begin) == 8);

void add(ByteWriter& writer, const Digest& digest) {
    writer.raw(digest.span());
}

void add(ByteWriter& writer, const PeerId& id) {
    writer.raw(id.span());
}

void add(ByteWriter& writer, NumericClass numeric_class) {
    writer.u8(static_cast<uint8_t>(numeric_class));
}

void add(ByteWriter& writer, const BlobRef& blob) {
    add(writer, blob.sha256);
    writer.u64(blob.size_bytes);
}

void add(ByteWriter& writer, const std::vector<uint32_t>& numbers) {
    writer.u64(numbers.size());
    for (const uint32_t number : numbers) {
        writer.u32(number);
    }
}

void add(ByteWriter& writer, const std::vector<SampleRange>& ranges) {
    writer.u64(ranges.size());
    for (const SampleRange& range : ranges) {
        writer.u64(range.begin);
        writer.u64(range.end);
    }
}

void add(ByteWriter& writer, const PlanPeer& peer) {
    add(writer, peer.id);
    add(writer, peer.numeric_class);
    writer.u32(peer.sequences_per_step);
    writer.u32(peer.tenure_rounds);
    writer.u64(peer.optimiser_steps);
    add(writer, peer.m_root);
    add(writer, peer.v_root);
    add(writer, peer.e_root);
    writer.u32(peer.audit_ppm);
}

void add(ByteWriter& writer, const MerklePath& path) {
    writer.u64(path.index);
    writer.u64(path.count);
    writer.u64(path.siblings.size());
    for (const Digest& sibling : path.siblings) {
        add(writer, sibling);
    }
}

}  // namespace

Digest manifest_digest(const RunManifest& manifest) {
    ByteWriter writer;
    writer.text(manifest.run_name);
    writer.text(manifest.config_text);
    add(writer, manifest.coordinator);
    add(writer, manifest.run_seed);
    add(writer, manifest.beacon_tail);
    writer.u64(manifest.beacon_length);
    add(writer, manifest.layout_digest);
    writer.u64(manifest.parameter_tiles);
    add(writer, manifest.initial_root);
    add(writer, manifest.tokenizer);
    add(writer, manifest.data_manifest);
    writer.u64(manifest.shards.size());
    for (const BlobRef& shard : manifest.shards) {
        add(writer, shard);
    }
    return sha256("manifest", writer.bytes());
}

Digest plan_digest(const RoundPlan& plan) {
    ByteWriter writer;
    writer.u64(plan.round.value);
    for (const Digest* root : {&plan.manifest_digest,
                               &plan.ledger_head,
                               &plan.previous_beacon,
                               &plan.base_root,
                               &plan.accumulator_root,
                               &plan.roster_root,
                               &plan.pool_root}) {
        add(writer, *root);
    }
    writer.u64(plan.stream_position);
    add(writer, plan.pool);
    writer.u64(plan.peers.size());
    for (const PlanPeer& peer : plan.peers) {
        add(writer, peer);
    }
    writer.u32(plan.inner_steps);
    writer.u32(plan.grain_sequences);
    writer.u32(plan.sequence_tokens);
    add(writer, plan.learning_rate_bits);
    add(writer, plan.bias1_bits);
    add(writer, plan.bias2_bits);
    add(writer, plan.theta);
    writer.i64(plan.opened_at.ms);
    writer.i64(plan.commit_deadline.ms);
    writer.i64(plan.payload_deadline.ms);
    writer.i64(plan.opening_time.ms);
    return sha256("plan", writer.bytes());
}

Digest commit_hash(const Envelope& commit) {
    return sha256("commit", ByteSpan(&commit.kind, 1), commit.body);
}

Digest close_leaf(const CloseEntry& entry) {
    return sha256("close", entry.peer.span(), entry.commit_hash.span(), entry.payload_hash.span());
}

Digest evidence_digest(const Digest& beacon, const Digest& commit_hash, const Digest& opening) {
    return sha256("evidence", beacon.span(), commit_hash.span(), opening.span());
}

Digest beacon_value(const Digest& chain_element, const Digest& close_root) {
    return sha256("beacon", chain_element.span(), close_root.span());
}

Digest audit_job_digest(const AuditJob& job) {
    ByteWriter writer;
    writer.u64(job.round.value);
    add(writer, job.peer);
    for (const Digest* root :
         {&job.manifest_digest, &job.plan_digest, &job.states_root, &job.trace_root}) {
        add(writer, *root);
    }
    add(writer, job.numeric_class);
    writer.u32(job.step);
    add(writer, state_leaf_digest(job.peer, job.step, job.leaf));
    add(writer, job.leaf_path);
    writer.u32(job.opening.step);
    add(writer, job.opening.theta);
    add(writer, job.opening.g);
    add(writer, job.opening.v);
    add(writer, batch_digest(job.samples));
    writer.u64(job.optimiser_steps_before);
    return sha256("audit_job", writer.bytes());
}

Digest state_leaf_digest(const PeerId& peer, uint64_t step, const StateLeaf& leaf) {
    ByteWriter writer;
    add(writer, peer);
    writer.u64(step);
    add(writer, leaf.theta_root);
    add(writer, leaf.g_root);
    add(writer, leaf.v_root);
    return sha256("state", writer.bytes());
}

Digest end_leaf_digest(const PeerId& peer, const EndLeaf& leaf) {
    ByteWriter writer;
    add(writer, peer);
    for (const Digest* root : {&leaf.theta_root,
                               &leaf.m_before_root,
                               &leaf.v_before_root,
                               &leaf.m_after_root,
                               &leaf.v_after_root,
                               &leaf.sum_root}) {
        add(writer, *root);
    }
    return sha256("end", writer.bytes());
}

Digest trace_leaf_digest(const PeerId& peer, uint64_t step, const TraceStep& step_trace) {
    ByteWriter writer;
    add(writer, peer);
    writer.u64(step);
    writer.f32(step_trace.mean_loss);
    writer.f32(step_trace.gradient_norm);
    add(writer, step_trace.batch_id);
    for (const float loss : step_trace.sequence_losses) {
        writer.f32(loss);
    }
    return sha256("trace", writer.bytes());
}

Digest batch_digest(const std::vector<uint64_t>& samples) {
    ByteWriter writer;
    for (const uint64_t sample : samples) {
        writer.u64(sample);
    }
    return sha256("batch", writer.bytes());
}

Digest roster_root(const std::vector<PlanPeer>& peers) {
    std::vector<Digest> leaves;
    leaves.reserve(peers.size());
    for (const PlanPeer& peer : peers) {
        ByteWriter writer;
        writer.u32(peer.sequences_per_step);
        leaves.push_back(sha256("roster", peer.id.span(), writer.bytes()));
    }
    return merkle_root(leaves);
}

Digest pool_root(const std::vector<SampleRange>& pool) {
    std::vector<Digest> leaves;
    leaves.reserve(pool.size());
    for (const SampleRange& range : pool) {
        ByteWriter writer;
        writer.u64(range.begin);
        writer.u64(range.end);
        leaves.push_back(sha256("range", writer.bytes()));
    }
    return merkle_root(leaves);
}

}  // namespace assay
