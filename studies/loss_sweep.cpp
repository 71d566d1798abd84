#include "studies/loss_sweep.h"

#include <cmath>
#include <cstdlib>
#include <functional>
#include <sstream>

#include "core/fields.h"

namespace assay {

namespace {

struct Key {
    const char* name;
    double low;  // of a number
    double high;
    bool whole;                      // no fraction
    std::vector<const char*> words;  // of a choice, in order of their number
    std::function<void(SweepCase&, double)> set;
};

void set_inner_steps(SweepCase& one, double steps) {
    const uint32_t all = one.sizes.steps();
    one.sizes.inner_steps = static_cast<uint32_t>(steps);
    one.sizes.rounds = std::max(1U, all / one.sizes.inner_steps);
}

StudyCoding& study(SweepCase& one) {
    return one.one.study ? *one.one.study : one.one.study.emplace();
}

// Any of them, and a coder that is only for study stands in for the format's.
std::vector<Key> study_keys() {
    return {
        {"select",
         0,
         0,
         true,
         {"rows", "blocks", "tensor", "energy"},
         [](SweepCase& c, double v) { study(c).selection = static_cast<Selection>(v); }},
        {"bits",
         1,
         4,
         true,
         {},
         [](SweepCase& c, double v) { study(c).values.bits = static_cast<int>(v); }},
        {"split",
         0,
         0,
         true,
         {"own", "mean", "median", "lloyd"},
         [](SweepCase& c, double v) { study(c).values.split = static_cast<Split>(v); }},
        {"magnitudes",
         0,
         0,
         true,
         {"chunk", "tensor"},
         [](SweepCase& c, double v) { study(c).values.per_tensor = v != 0; }},
        {"scales",
         0,
         0,
         true,
         {"12bits", "fp16", "bf16", "log8"},
         [](SweepCase& c, double v) { study(c).scales = static_cast<ScaleFormat>(v); }},
        {"vectors",
         0,
         0,
         true,
         {"sparse", "dense"},
         [](SweepCase& c, double v) { study(c).dense_vectors = v != 0; }},
    };
}

std::vector<Key> format_keys() {
    static const std::vector<const char*> kStrategies = {"sparseloco", "diloco", "average"};
    static const std::vector<const char*> kMeans = {"per_entry", "per_peer"};
    return {
        {"strategy",
         0,
         0,
         true,
         kStrategies,
         [](SweepCase& c, double v) { c.one.strategy = kStrategies[static_cast<size_t>(v)]; }},
        {"rate", 1e-6, 1, false, {}, [](SweepCase& c, double v) { c.one.learning_rate = v; }},
        {"alpha", 0, 16, false, {}, [](SweepCase& c, double v) { c.one.aggregate.alpha = v; }},
        {"mu", 0, 0.999, false, {}, [](SweepCase& c, double v) { c.one.momentum = v; }},
        {"keep",
         1,
         4096,
         true,
         {},
         [](SweepCase& c, double v) { c.one.compression.keep = static_cast<int64_t>(v); }},
        {"beta", 0, 1, false, {}, [](SweepCase& c, double v) { c.one.compression.beta = v; }},
        {"mean",
         0,
         0,
         true,
         kMeans,
         [](SweepCase& c, double v) { c.one.aggregate.mean = kMeans[static_cast<size_t>(v)]; }},
        {"clip",
         0,
         0,
         true,
         {"off", "on"},
         [](SweepCase& c, double v) { c.one.aggregate.clip_to_median = v != 0; }},
        {"downlink",
         0,
         0,
         true,
         {"topk", "dense", "4bits", "8bits"},
         [](SweepCase& c, double v) { c.one.downlink = static_cast<Downlink>(v); }},
        {"downlink_keep",
         1,
         4096,
         true,
         {},
         [](SweepCase& c, double v) { c.one.compression.downlink_keep = static_cast<int64_t>(v); }},
        {"rounds",
         1,
         100000,
         true,
         {},
         [](SweepCase& c, double v) { c.sizes.rounds = static_cast<uint32_t>(v); }},
        {"inner_steps", 1, 10000, true, {}, set_inner_steps},
        {"peers",
         1,
         256,
         true,
         {},
         [](SweepCase& c, double v) { c.sizes.peers = static_cast<uint32_t>(v); }},
    };
}

const std::vector<Key>& keys() {
    static const std::vector<Key> kKeys = [] {
        std::vector<Key> all = format_keys();
        const std::vector<Key> more = study_keys();
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }();
    return kKeys;
}

std::string allowed(const Key& key) {
    std::ostringstream text;
    if (key.words.empty()) {
        text << (key.whole ? "a whole number" : "a number") << " from " << key.low << " to "
             << key.high;
        return text.str();
    }
    for (const char* word : key.words) {
        text << (word == key.words.front() ? "" : ", ") << word;
    }
    return text.str();
}

Result<double> value_of(const Key& key, const std::string& text) {
    const Error wrong =
        fail("--vary: " + std::string(key.name) + "=" + text + ": allowed is " + allowed(key));
    if (!key.words.empty()) {
        for (size_t i = 0; i < key.words.size(); ++i) {
            if (text == key.words[i]) {
                return static_cast<double>(i);
            }
        }
        return wrong;
    }
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    const bool is_number = !text.empty() && *end == '\0' && std::isfinite(value);
    if (!is_number || value < key.low || value > key.high ||
        (key.whole && value != std::floor(value))) {
        return wrong;
    }
    return value;
}

Result<const Key*> key_of(const std::string& name) {
    std::vector<std::string> names;
    for (const Key& key : keys()) {
        if (name == key.name) {
            return &key;
        }
        names.emplace_back(key.name);
    }
    const std::string near = nearest_name(name, names);
    return fail("--vary: there is no setting `" + name + "`." +
                (near.empty() ? "" : " Did you mean `" + near + "`?") + "\n" + sweep_keys());
}

// Each case so far with each value of the word.
Result<std::vector<SweepCase>> with_word(const std::vector<SweepCase>& cases,
                                         const std::string& word) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) {
        return fail("--vary: `" + word + "` is not of the form KEY=VALUE[,VALUE...]");
    }
    const Result<const Key*> key = key_of(word.substr(0, equals));
    if (!key) {
        return key.error();
    }
    std::vector<SweepCase> all;
    for (const SweepCase& before : cases) {
        std::istringstream values(word.substr(equals + 1) + ",");
        for (std::string text; std::getline(values, text, ',');) {
            const Result<double> value = value_of(**key, text);
            if (!value) {
                return value.error();
            }
            SweepCase one = before;
            (*key)->set(one, *value);
            one.one.name += (one.one.name.empty() ? "" : " ") + word.substr(0, equals) + "=" + text;
            all.push_back(std::move(one));
        }
    }
    return all;
}

// What single words cannot say.
Status check_study(const StrategyCase& one) {
    if (!one.study) {
        return {};
    }
    if (one.strategy != "sparseloco") {
        return fail("--vary: `" + one.name + "`: only sparseloco has a coder for study");
    }
    if (one.study->values.bits > 2 && one.study->values.split == Split::kOutliers) {
        return fail("--vary: `" + one.name + "`: above 2 bits, split is mean, median or lloyd");
    }
    if (one.compression.keep > kOutliersKeepMax) {
        return fail("--vary: `" + one.name + "`: a coder for study keeps at most " +
                    std::to_string(kOutliersKeepMax));
    }
    return {};
}

}  // namespace

std::string sweep_keys() {
    const size_t first_for_study = keys().size() - study_keys().size();
    std::string text;
    for (size_t i = 0; i < keys().size(); ++i) {
        if (i == first_for_study) {
            text +=
                "  These choose a coder for study alone, whose bytes are counted, not written:\n";
        }
        const Key& key = keys()[i];
        text += "  " + std::string(key.name) + ": " + allowed(key) + "\n";
    }
    return text;
}

Result<std::vector<SweepCase>> sweep_cases(const std::string& words, const StrategySizes& base) {
    SweepCase first{StrategyCase{}, base};
    first.one.strategy = "sparseloco";
    first.one.learning_rate = 1.2e-2;
    std::vector<SweepCase> cases = {first};
    std::istringstream in(words);
    for (std::string word; in >> word;) {
        Result<std::vector<SweepCase>> more = with_word(cases, word);
        if (!more) {
            return more.error();
        }
        cases = std::move(*more);
    }
    for (SweepCase& one : cases) {
        one.one.name += one.one.name.empty() ? "default" : "";
        if (Status sound = check_study(one.one); !sound) {
            return sound.error();
        }
    }
    return cases;
}

}  // namespace assay
