#include "net/admission_list.h"

#include <sstream>

#include "core/check.h"
#include "core/files.h"
#include "core/log.h"
#include "core/text_edges.h"

namespace assay {

namespace {

constexpr uint64_t kFileBytesMax = 16U << 20;
constexpr size_t kLearnedMax = 1U << 20;

std::string without_comment(std::string_view line) {
    return std::string(without_blanks(line.substr(0, line.find('#'))));
}

Result<std::pair<CurveKey, PeerId>> key_in_line(const std::string& text) {
    const Result<PeerId> id = peer_id_from_hex(text);
    if (!id) {
        return id.error();
    }
    const Result<CurveKey> key = curve_key_of(*id);
    if (!key) {
        return key.error();
    }
    return std::make_pair(*key, *id);
}

}  // namespace

Result<std::shared_ptr<AdmissionList>> AdmissionList::open(const std::string& any_or_file) {
    const bool any = any_or_file == "any";
    std::shared_ptr<AdmissionList> list(new AdmissionList(any, any_or_file));
    if (!any) {
        const Status read = list->read();
        if (!read) {
            return fail("admission list: " + read.reason());
        }
    }
    return list;
}

Status AdmissionList::read() {
    std::error_code code;
    const Stamp stamp{std::filesystem::last_write_time(file_, code),
                      std::filesystem::file_size(file_, code)};
    const Result<std::string> text = read_text_file(file_, kFileBytesMax);
    owners_.clear();
    stamp_.reset();
    if (!text) {
        return text.error();
    }
    stamp_ = stamp;
    if (const std::string why = why_no_text(*text); !why.empty()) {
        return fail(file_.string() + ": " + why);
    }
    std::istringstream lines{std::string(without_byte_order_mark(*text))};
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
        const std::string hex = without_comment(line);
        if (hex.empty()) {
            continue;
        }
        const auto entry = key_in_line(hex);
        const std::string place = file_.string() + ":" + std::to_string(number) + ": ";
        if (!entry) {
            log_warning(place + entry.reason() + "; the line is left out");
        } else if (!owners_.insert(*entry).second && owners_[entry->first] != entry->second) {
            log_warning(place + "another key of this list has the same connection key; left out");
        }
    }
    return {};
}

void AdmissionList::refresh() {
    std::error_code code;
    const Stamp now{std::filesystem::last_write_time(file_, code),
                    std::filesystem::file_size(file_, code)};
    if (!code && stamp_ == now) {
        return;
    }
    ASSAY_CHECK(!any_);  // there is no file to read
    const bool was_readable = stamp_.has_value();
    const Status status = read();
    if (!status && was_readable) {
        log_warning("admission list: " + status.reason() + "; nobody new is admitted");
    }
}

void AdmissionList::read_again() {
    if (any_) {
        log_info("everybody is admitted: there is no admission list to read");
        return;
    }
    const std::lock_guard lock(mutex_);
    if (Status status = read(); !status) {
        log_warning("admission list: " + status.reason() + "; nobody new is admitted");
        return;
    }
    log_info("admission list read again: " + std::to_string(owners_.size()) + " keys in " +
             file_.string());
}

bool AdmissionList::admits(const CurveKey& key) {
    if (any_) {
        return true;
    }
    const std::lock_guard lock(mutex_);
    refresh();
    return owners_.count(key) == 1;
}

bool AdmissionList::claim(const CurveKey& key, const PeerId& signer) {
    const std::lock_guard lock(mutex_);
    ASSAY_CHECK(!any_ || owners_.size() <= kLearnedMax);
    const auto owner = owners_.find(key);
    if (owner != owners_.end()) {
        return owner->second == signer;
    }
    if (any_ && owners_.size() < kLearnedMax) {
        owners_.emplace(key, signer);
        return true;
    }
    return false;
}

}  // namespace assay
