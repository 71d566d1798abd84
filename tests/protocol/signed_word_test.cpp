// Two words of one key that no one history holds, and the files in which they travel.

#include "protocol/signed_word.h"

#include <catch2/catch.hpp>

#include "protocol/codec.h"

namespace assay {
namespace {

Digest digest(uint8_t number) {
    Digest made;
    made.bytes[0] = number;
    return made;
}

RoundPlan plan_of(uint64_t round, uint64_t height, uint8_t head) {
    RoundPlan plan;
    plan.round = RoundId{round};
    plan.ledger_height = height;
    plan.ledger_head = digest(head);
    plan.inner_steps = 1;
    plan.sequence_tokens = 1;
    plan.learning_rate_bits = {0};
    return plan;
}

RoundSummary summary_of(uint64_t round, uint64_t height, uint8_t head) {
    RoundSummary summary;
    summary.round = RoundId{round};
    summary.ledger_height = height;
    summary.ledger_head = digest(head);
    return summary;
}

Receipt receipt_at(uint64_t height, uint8_t record) {
    Receipt receipt;
    receipt.height = height;
    receipt.record_hash = digest(record);
    return receipt;
}

bool contradict(const Message& first, const Message& second) {
    const auto one = contradiction(first, second);
    const auto other = contradiction(second, first);
    CHECK(one.has_value() == other.has_value());
    return one.has_value();
}

}  // namespace

TEST_CASE("plan and summary show the head below them, a receipt its record, nothing else shows one",
          "[protocol]") {
    REQUIRE(head_shown(plan_of(3, 40, 7)));
    CHECK(head_shown(plan_of(3, 40, 7))->height == 39);
    CHECK(head_shown(plan_of(3, 40, 7))->hash == digest(7));
    CHECK(head_shown(summary_of(3, 60, 8))->height == 59);
    CHECK_FALSE(head_shown(plan_of(3, 0, 7)));  // not said
    REQUIRE(head_shown(receipt_at(39, 7)));
    CHECK(head_shown(receipt_at(39, 7))->height == 39);
    CHECK(head_shown(receipt_at(39, 7))->hash == digest(7));
    CHECK_FALSE(head_shown(receipt_at(0, 7)));
    CHECK_FALSE(head_shown(Heartbeat{}));
}

TEST_CASE("two heads of one height contradict each other, whatever shows them", "[protocol]") {
    CHECK(contradict(plan_of(3, 40, 7), plan_of(4, 40, 8)));
    CHECK(contradict(plan_of(3, 40, 7), summary_of(2, 40, 8)));
    CHECK_THAT(*contradiction(plan_of(3, 40, 7), summary_of(2, 40, 8)),
               Catch::Contains("height 39"));
    CHECK_FALSE(contradict(plan_of(3, 40, 7), summary_of(2, 40, 7)));
    CHECK_FALSE(contradict(plan_of(3, 40, 7), summary_of(3, 60, 8)));
    CHECK_FALSE(contradict(plan_of(3, 0, 7), plan_of(4, 0, 8)));
    CHECK(contradict(plan_of(3, 40, 7), receipt_at(39, 8)));
    CHECK(contradict(receipt_at(39, 7), receipt_at(39, 8)));
    CHECK_FALSE(contradict(receipt_at(39, 7), receipt_at(40, 8)));
}

TEST_CASE("two different plans, CLOSEs or summaries of a round contradict each other",
          "[protocol]") {
    CHECK(contradict(plan_of(3, 40, 7), plan_of(3, 38, 6)));
    CHECK_FALSE(contradict(plan_of(3, 40, 7), plan_of(3, 40, 7)));
    RoundPlan of_another_run = plan_of(3, 38, 6);
    of_another_run.manifest_digest = digest(1);
    CHECK_FALSE(contradict(plan_of(3, 40, 7), of_another_run));

    CloseNotice close;
    close.close.round = RoundId{3};
    CloseNotice other = close;
    other.inclusion = MerklePath{0, 1, {}};  // says the same to another peer
    CHECK_FALSE(contradict(close, other));
    other.close.entry_count = 2;
    CHECK(contradict(close, other));
    other.close.round = RoundId{4};
    CHECK_FALSE(contradict(close, other));

    RoundSummary summary = summary_of(3, 60, 8);
    summary.aggregate.locations = {"coordinator"};
    CHECK_FALSE(contradict(summary, summary_of(3, 60, 8)));
    summary.theta_root = digest(2);
    CHECK(contradict(summary, summary_of(3, 60, 8)));
}

TEST_CASE("signed words are read from a file as they were written, and no others", "[protocol]") {
    const Identity key = Identity::from_seed(digest(1));
    const CheckedEnvelope first = make_envelope(key, plan_of(3, 40, 7));
    const CheckedEnvelope second = make_envelope(key, summary_of(3, 60, 8));
    const std::string text = signed_words_text({first, second});
    const auto words = parse_signed_words(text);
    INFO((words ? std::string() : words.reason()));
    REQUIRE(words.ok());
    REQUIRE(words->size() == 2);
    CHECK(words->front().envelope.wire() == first.wire());
    CHECK(std::holds_alternative<RoundSummary>(words->back().message));
    CHECK(parse_signed_words("")->empty());
    CHECK_THAT(parse_signed_words("no hex\n").reason(), Catch::Contains("line 1"));
    CHECK_THAT(parse_signed_words(text + "00\n").reason(), Catch::Contains("line 3"));
    std::string forged = text;
    forged[200] = forged[200] == '0' ? '1' : '0';
    CHECK_FALSE(parse_signed_words(forged).ok());
    std::string many;
    for (size_t i = 0; i <= kSignedWordsMost; ++i) {
        many += signed_words_text({first});
    }
    CHECK_THAT(parse_signed_words(many).reason(), Catch::Contains("more than"));
}

}  // namespace assay
