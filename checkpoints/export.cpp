#include "checkpoints/export.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "checkpoints/safetensors.h"
#include "core/files.h"
#include "core/json_depth.h"
#include "core/merkle.h"
#include "tokenizer/tokenizer.h"

namespace assay {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kConfigBytesMax = 1U << 20;
constexpr std::string_view kModelFile = "model.safetensors";
constexpr std::string_view kCardFile = "README.md";
constexpr std::string_view kCardBegins = "A Llama-style decoder trained with Assay.";
constexpr std::string_view kOurFiles[] = {"config.json",
                                          "generation_config.json",
                                          "tokenizer.json",
                                          "tokenizer_config.json",
                                          "special_tokens_map.json",
                                          kCardFile,
                                          kModelFile};

struct EndToken {
    int32_t id = 0;
    std::string text;
};

// Of a tokenizer that this program can read; a folder can be written without.
Result<std::optional<EndToken>> end_token_of(const std::string& tokenizer_json,
                                             const std::string& named) {
    Result<Tokenizer> tokenizer = Tokenizer::parse(tokenizer_json);
    if (!named.empty()) {
        tokenizer = tokenizer ? tokenizer->with_end_of_text(named) : std::move(tokenizer);
        if (!tokenizer) {
            return tokenizer.error();
        }
    }
    if (!tokenizer || !tokenizer->end_of_text()) {
        return std::optional<EndToken>();
    }
    const int32_t id = *tokenizer->end_of_text();
    return std::optional<EndToken>({id, std::string(tokenizer->token_text(id))});
}

json id_of(const std::optional<EndToken>& end) {
    return end ? json(end->id) : json(nullptr);
}

json config_json(const ModelShape& shape, const std::optional<EndToken>& end) {
    return {{"architectures", {"LlamaForCausalLM"}},
            {"model_type", "llama"},
            {"vocab_size", shape.vocab},
            {"hidden_size", shape.width},
            {"intermediate_size", shape.ffn_width},
            {"num_hidden_layers", shape.layers},
            {"num_attention_heads", shape.heads},
            {"num_key_value_heads", shape.kv_heads},
            {"head_dim", shape.head_width},
            {"max_position_embeddings", shape.context},
            {"rms_norm_eps", shape.norm_epsilon},
            {"rope_theta", shape.rope_theta},
            {"rope_scaling", nullptr},
            {"rope_parameters", {{"rope_type", "default"}, {"rope_theta", shape.rope_theta}}},
            {"hidden_act", "silu"},
            {"attention_bias", false},
            {"mlp_bias", false},
            {"tie_word_embeddings", shape.tied},
            {"bos_token_id", id_of(end)},  // readers invent one where none is named
            {"eos_token_id", id_of(end)},
            {"torch_dtype", "float32"},
            {"dtype", "float32"},
            {"initializer_range", 0.02},
            {"use_cache", true}};
}

std::string model_card(const Snapshot& snapshot) {
    return "# " + snapshot.run_name + "\n\n" + std::string(kCardBegins) +
           " theta has the Merkle root `" + tiles_root(snapshot.theta).hex() +
           "`;\nthe run's manifest is `" + snapshot.manifest.hex() + "`, next round " +
           std::to_string(snapshot.round.value) + ".\n";
}

// The file without what puts tokens around every text: nothing was trained with them, nor is
// served. Any other file stays as it is, to the byte.
std::string without_post_processor(const std::string& tokenizer_json) {
    if (!check_json_depth(tokenizer_json)) {
        return tokenizer_json;
    }
    json parsed = json::parse(tokenizer_json, nullptr, false);
    const auto found = parsed.is_object() ? parsed.find("post_processor") : parsed.end();
    if (!parsed.is_object() || found == parsed.end() || !found->is_object() ||
        found->value("type", json()) == "ByteLevel") {
        return tokenizer_json;
    }
    *found = nullptr;
    return parsed.dump(1) + "\n";
}

struct NamedFile {
    std::string name;
    std::string text;
};

std::vector<NamedFile> side_files(const Snapshot& snapshot,
                                  const std::string& tokenizer_json,
                                  const std::optional<EndToken>& end) {
    json tokenizer_config{{"tokenizer_class", "PreTrainedTokenizerFast"},
                          {"model_max_length", snapshot.shape.context},
                          {"clean_up_tokenization_spaces", false}};
    json special = json::object();
    if (end) {
        for (const char* name : {"bos_token", "eos_token"}) {
            tokenizer_config[name] = end->text;
            special[name] = end->text;
        }
    }
    const json generation{
        {"do_sample", true}, {"bos_token_id", id_of(end)}, {"eos_token_id", id_of(end)}};
    return {{"config.json", config_json(snapshot.shape, end).dump(2) + "\n"},
            {"generation_config.json", generation.dump(2) + "\n"},
            {"tokenizer.json", without_post_processor(tokenizer_json)},
            {"tokenizer_config.json", tokenizer_config.dump(2) + "\n"},
            {"special_tokens_map.json", special.dump(2) + "\n"},
            {std::string(kCardFile), model_card(snapshot)}};
}

Result<json> parse_file(const fs::path& file, uint64_t size_max) {
    Result<std::string> text = read_text_file(file, size_max);
    if (!text) {
        return text.error();
    }
    if (Status depth = check_json_depth(*text); !depth) {
        return fail(file.string() + ": " + depth.reason());
    }
    json parsed = json::parse(*text, nullptr, false);
    if (!parsed.is_object()) {
        return fail(file.string() + " is not a JSON object");
    }
    return parsed;
}

// The value of a key; `otherwise` where it is absent or null.
template <typename T>
T value_of(const json& object, const char* key, T otherwise) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? otherwise : found->get<T>();
}

// A fraction, or what no int64_t can hold, would not convert: the library leaves both unchecked.
int64_t whole_of(const json& object, const char* key) {
    const json& value = object.at(key);
    const bool too_large =
        value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
    return value.is_number_integer() && !too_large ? value.get<int64_t>() : INT64_MIN;
}

int64_t whole_of(const json& object, const char* key, int64_t otherwise) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? otherwise : whole_of(object, key);
}

// What would make another network of the same tensors.
Status check_kind(const json& config) {
    if (value_of<std::string>(config, "model_type", "") != "llama") {
        return fail("model_type is not \"llama\"");
    }
    if (value_of<std::string>(config, "hidden_act", "silu") != "silu") {
        return fail("hidden_act is not \"silu\"");
    }
    if (value_of(config, "attention_bias", false) || value_of(config, "mlp_bias", false)) {
        return fail("the model has biases, which Assay's has not");
    }
    for (const char* key : {"rope_scaling", "rope_parameters"}) {
        const json rope = value_of(config, key, json::object());
        const auto type = value_of<std::string>(rope, "rope_type", "default");
        if (type != "default" || value_of<std::string>(rope, "type", "default") != "default") {
            return fail(std::string(key) + " stretches the positions (" + type.substr(0, 40) +
                        "), which Assay does not");
        }
    }
    return {};
}

// The first field of a shape outside its bounds (model/shape.h).
class BoundsVisitor {
public:
    void operator()(const Field& field, const int64_t& value) {
        (*this)(field, static_cast<double>(value));
    }
    void operator()(const Field& field, const double& value) {
        if (status_ && !(value >= field.low && value <= field.high)) {
            status_ = fail(std::string(field.name) + " is out of its bounds");
        }
    }
    void operator()(const Field& /*field*/, const bool& /*value*/) {}
    [[nodiscard]] const Status& status() const { return status_; }

private:
    Status status_;
};

Result<ModelShape> shape_of(const json& config) {
    try {
        if (Status kind = check_kind(config); !kind) {
            return kind.error();
        }
        const json rope = value_of(config, "rope_parameters", json::object());
        ModelShape shape;
        shape.vocab = whole_of(config, "vocab_size");
        shape.width = whole_of(config, "hidden_size");
        shape.ffn_width = whole_of(config, "intermediate_size");
        shape.layers = whole_of(config, "num_hidden_layers");
        shape.heads = whole_of(config, "num_attention_heads");
        shape.kv_heads = whole_of(config, "num_key_value_heads", shape.heads);
        shape.head_width =
            whole_of(config, "head_dim", shape.width / std::max<int64_t>(1, shape.heads));
        shape.context = whole_of(config, "max_position_embeddings");
        shape.norm_epsilon = config.at("rms_norm_eps").get<double>();
        shape.rope_theta = value_of(rope, "rope_theta", value_of(config, "rope_theta", 10000.0));
        shape.tied = value_of(config, "tie_word_embeddings", false);
        BoundsVisitor bounds;
        shape.for_each(bounds);
        if (!bounds.status()) {
            return bounds.status().error();
        }
        if (Status fits = check_shape(shape); !fits) {
            return fits.error();
        }
        return shape;
    } catch (const json::exception& error) {
        return fail(error.what());
    }
}

}  // namespace

Status check_export_folder(const fs::path& folder) {
    std::error_code code;
    bool any = false;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
        const std::string name = entry.path().filename().string();
        if (std::find(std::begin(kOurFiles), std::end(kOurFiles), name) == std::end(kOurFiles)) {
            return fail(folder.string() + " holds other files, such as " + name);
        }
        any = true;
    }
    const Result<std::string> card = read_text_file(folder / kCardFile, kConfigBytesMax);
    if (any && (!card || card->find(kCardBegins) == std::string::npos)) {
        return fail(folder.string() + " holds a model that is no export of Assay's");
    }
    return {};
}

Status export_hugging_face(const Snapshot& snapshot,
                           const std::string& tokenizer_json,
                           const fs::path& folder,
                           const std::string& end_token) {
    Result<std::optional<EndToken>> end = end_token_of(tokenizer_json, end_token);
    if (!end) {
        return end.error();
    }
    if (Status made = make_folder(folder); !made) {
        return made;
    }
    for (const NamedFile& file : side_files(snapshot, tokenizer_json, *end)) {
        if (Status written = write_file_atomically(folder / file.name, as_bytes(file.text));
            !written) {
            return written;
        }
    }
    return write_file_atomically(folder / kModelFile,
                                 safetensors_bytes(llama_layout(snapshot.shape), snapshot.theta));
}

Result<Snapshot> import_hugging_face(const fs::path& folder) {
    Result<json> config = parse_file(folder / "config.json", kConfigBytesMax);
    if (!config) {
        return config.error();
    }
    Result<ModelShape> shape = shape_of(*config);
    if (!shape) {
        return fail((folder / "config.json").string() + ": " + shape.reason());
    }
    // Some folders repeat the embedding as lm_head; where the two are tied, it says nothing new.
    const std::vector<std::string> ignored =
        shape->tied ? std::vector<std::string>{"lm_head.weight"} : std::vector<std::string>{};
    Result<std::vector<float>> theta =
        read_safetensors(folder / "model.safetensors", llama_layout(*shape), ignored);
    if (!theta) {
        return theta.error();
    }
    Snapshot snapshot;
    snapshot.run_name = folder.filename().string();
    snapshot.shape = *shape;
    snapshot.theta = std::move(*theta);
    return snapshot;
}

}  // namespace assay
