#include "ledger/left_over.h"

#include "protocol/plan.h"

namespace assay {

namespace {

std::string why_unvested(const Books& books, const PeerBook& book, RoundId earned_in) {
    if (book.owes()) {
        return "a challenge of " + in_words(*book.owes_since()) + " is open";
    }
    const auto booked = book.commits.find(earned_in);
    if (booked != book.commits.end() && booked->second.awaits_audit()) {
        return "its audit has no verdict yet";
    }
    const RoundId due{earned_in.value + static_cast<uint64_t>(books.pay().vest_rounds)};
    if (!books.ended()) {
        return "vests in " + in_words(due);
    }
    return "the run ended before " + in_words(due) + ", and no audit of it passed";
}

std::string why_held(const Books& books, const PeerBook& book) {
    if (!books.ended()) {
        return "goes back when the run is over";
    }
    if (book.owes() || book.awaits_audit()) {
        return "a challenge or an audit is open";
    }
    return book.escrow.unvested().empty() ? "is due, and no record gives it back"
                                          : "rewards of its peer have not vested";
}

}  // namespace

std::vector<LeftOver> left_over(const Books& books) {
    std::vector<LeftOver> left;
    for (const auto& [peer, book] : books.peers()) {
        for (const auto& [round, amount] : book.escrow.unvested()) {
            left.push_back({peer, round, amount, why_unvested(books, book, round)});
        }
        if (book.escrow.deposit() > 0) {
            left.push_back({peer, std::nullopt, book.escrow.deposit(), why_held(books, book)});
        }
    }
    return left;
}

}  // namespace assay
