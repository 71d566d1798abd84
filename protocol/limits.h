// Bounds of every number that a stranger supplies. A message outside them is refused with a reason.

#pragma once

#include <cstdint>

namespace assay::limits {

constexpr uint32_t kProtocolVersion = 1;

constexpr uint64_t kPeersMax = 1024;
constexpr uint64_t kInnerStepsMax = 1024;          // H
constexpr uint64_t kSequencesPerStepMax = 65536;   // B_i
constexpr uint64_t kSequenceTokensMax = 1U << 20;  // T
constexpr uint64_t kTilesMax = uint64_t{1} << 28;  // 4096 values each: 2^40 parameters
constexpr uint64_t kPoolRangesMax = 65536;
constexpr uint64_t kBiasTableMax = 4096;
constexpr uint64_t kLocationsMax = 8;
constexpr uint64_t kTextBytesMax = 4096;  // reasons, names, locations
constexpr uint64_t kConfigBytesMax = 1U << 18;
constexpr uint64_t kShardsMax = 65536;
constexpr uint64_t kShardTokensMax = uint64_t{1} << 40;
constexpr uint64_t kDataManifestBytesMax = 1U << 25;  // 32 MiB: its text, every shard named
constexpr uint64_t kRoundsMax = uint64_t{1} << 32;
constexpr uint64_t kRecordsMax = uint64_t{1} << 48;  // of one ledger
constexpr uint64_t kOptimiserStepsMax = uint64_t{1} << 48;
// Of one peer in one round: H * B_i * T.
constexpr uint64_t kTokensMax = kInnerStepsMax * kSequencesPerStepMax * kSequenceTokensMax;
constexpr uint64_t kThreadsMax = 65536;
constexpr uint64_t kRateMax = uint64_t{1} << 50;  // tokens or bytes a second
constexpr uint64_t kSamplePositionMax = uint64_t{1} << 60;
constexpr int64_t kTimeMsMax = int64_t{1} << 53;  // instants and durations
constexpr uint64_t kMerkleSiblingsMax = 64;

constexpr int64_t kReconnectMsMax = 5000;  // whoever lost the coordinator tries again this often

constexpr uint64_t kMessageBytesMax = 1U << 22;  // one control message, 4 MiB
constexpr uint64_t kPieceBytes = 262144;         // 256 KiB: one piece of a blob
constexpr uint64_t kPiecesInFlightMax = 64;      // credit window of one transfer
constexpr uint64_t kBlobBytesMax = uint64_t{1} << 42;
constexpr uint64_t kChunksOpenedMax = 4096;
constexpr uint64_t kStepsAuditedMax = kInnerStepsMax;
constexpr uint64_t kEvidenceMax = 32768;  // entries of one index: 3 MiB
constexpr uint64_t kLedgerHeightMax = uint64_t{1} << 48;

static_assert(kDataManifestBytesMax / kShardsMax >= 256, "a line of the data manifest a shard");
static_assert(kPieceBytes + 4096 < kMessageBytesMax, "a piece with its header fits a message");

}  // namespace assay::limits
