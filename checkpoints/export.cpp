#include "checkpoints/export.h"

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/merkle.h"

namespace assay {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kHeaderBytesMax = 100U << 20;
constexpr uint64_t kConfigBytesMax = 1U << 20;
constexpr uint64_t kModelBytesMax = uint64_t{1} << 40;
constexpr const char* kEndOfText = "<|endoftext|>";

json config_json(const ModelShape& shape) {
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
            {"bos_token_id", nullptr},
            {"eos_token_id", nullptr},
            {"torch_dtype", "float32"},
            {"dtype", "float32"},
            {"initializer_range", 0.02},
            {"use_cache", true}};
}

Bytes safetensors_bytes(const Snapshot& snapshot) {
    const ParameterLayout layout = llama_layout(snapshot.shape);
    json header{{"__metadata__", {{"format", "pt"}}}};
    uint64_t offset = 0;
    for (const TensorLayout& tensor : layout.tensors) {
        const uint64_t bytes = tensor.live() * sizeof(float);
        const json shape =
            tensor.rows > 1 ? json{tensor.rows, tensor.columns} : json::array({tensor.columns});
        header[tensor.name] = {
            {"dtype", "F32"}, {"shape", shape}, {"data_offsets", {offset, offset + bytes}}};
        offset += bytes;
    }
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    ByteWriter writer;
    writer.u64(text.size());
    writer.raw(as_bytes(text));
    for (const TensorLayout& tensor : layout.tensors) {
        const float* first = snapshot.theta.data() + tensor.first_value();
        writer.raw({reinterpret_cast<const uint8_t*>(first), tensor.live() * sizeof(float)});
    }
    return writer.take();
}

std::string model_card(const Snapshot& snapshot) {
    return "# " + snapshot.run_name +
           "\n\nA Llama-style decoder trained with Assay. theta has the Merkle root `" +
           tiles_root(snapshot.theta).hex() + "`;\nthe run's manifest is `" +
           snapshot.manifest.hex() + "`, next round " + std::to_string(snapshot.round.value) +
           ".\n";
}

struct NamedFile {
    std::string name;
    std::string text;
};

std::vector<NamedFile> side_files(const Snapshot& snapshot, const std::string& tokenizer_json) {
    const json tokenizer_config{{"tokenizer_class", "PreTrainedTokenizerFast"},
                                {"model_max_length", snapshot.shape.context},
                                {"eos_token", kEndOfText},
                                {"clean_up_tokenization_spaces", false}};
    return {{"config.json", config_json(snapshot.shape).dump(2) + "\n"},
            {"generation_config.json", json{{"do_sample", true}}.dump(2) + "\n"},
            {"tokenizer.json", tokenizer_json},
            {"tokenizer_config.json", tokenizer_config.dump(2) + "\n"},
            {"special_tokens_map.json", json{{"eos_token", kEndOfText}}.dump(2) + "\n"},
            {"README.md", model_card(snapshot)}};
}

Result<json> parse_file(const fs::path& file, uint64_t size_max) {
    Result<std::string> text = read_text_file(file, size_max);
    if (!text) {
        return text.error();
    }
    json parsed = json::parse(*text, nullptr, false);
    if (!parsed.is_object()) {
        return fail(file.string() + " is not a JSON object");
    }
    return parsed;
}

Result<ModelShape> shape_of(const json& config) {
    try {
        ModelShape shape;
        shape.vocab = config.at("vocab_size").get<int64_t>();
        shape.width = config.at("hidden_size").get<int64_t>();
        shape.ffn_width = config.at("intermediate_size").get<int64_t>();
        shape.layers = config.at("num_hidden_layers").get<int64_t>();
        shape.heads = config.at("num_attention_heads").get<int64_t>();
        shape.kv_heads = config.value("num_key_value_heads", shape.heads);
        shape.head_width =
            config.value("head_dim", shape.width / std::max<int64_t>(1, shape.heads));
        shape.context = config.at("max_position_embeddings").get<int64_t>();
        shape.norm_epsilon = config.at("rms_norm_eps").get<double>();
        shape.rope_theta = config.value("rope_theta", 10000.0);
        shape.tied = config.value("tie_word_embeddings", false);
        if (Status fits = check_shape(shape); !fits) {
            return fits.error();
        }
        return shape;
    } catch (const json::exception& error) {
        return fail(std::string("config.json: ") + error.what());
    }
}

Status read_tensor(const json& header,
                   const TensorLayout& tensor,
                   ByteSpan data,
                   std::vector<float>& theta) {
    const auto found = header.find(tensor.name);
    if (found == header.end() || !found->is_object()) {
        return fail("tensor " + tensor.name + " is missing");
    }
    try {
        const auto shape = found->at("shape").get<std::vector<uint64_t>>();
        const auto offsets = found->at("data_offsets").get<std::vector<uint64_t>>();
        const std::vector<uint64_t> wanted =
            tensor.rows > 1 ? std::vector<uint64_t>{tensor.rows, tensor.columns}
                            : std::vector<uint64_t>{tensor.columns};
        if (found->at("dtype") != "F32" || shape != wanted || offsets.size() != 2 ||
            offsets[0] > data.size() || offsets[1] > data.size() || offsets[1] < offsets[0] ||
            offsets[1] - offsets[0] != tensor.live() * sizeof(float)) {
            return fail("tensor " + tensor.name + " has another type, shape or place");
        }
        std::memcpy(
            theta.data() + tensor.first_value(), data.data() + offsets[0], offsets[1] - offsets[0]);
        return {};
    } catch (const json::exception& error) {
        return fail("tensor " + tensor.name + ": " + error.what());
    }
}

Status read_safetensors(const Bytes& bytes, const ModelShape& shape, std::vector<float>& theta) {
    ByteReader reader(bytes);
    const uint64_t length = reader.u64();
    if (!reader.ok() || length > kHeaderBytesMax || length > reader.remaining()) {
        return fail("its header is cut short or too long");
    }
    const json header = json::parse(to_text(reader.raw(length)), nullptr, false);
    if (!header.is_object()) {
        return fail("its header is not a JSON object");
    }
    const ParameterLayout layout = llama_layout(shape);
    theta.assign(layout.value_count(), 0.0F);
    const ByteSpan data = ByteSpan(bytes).subspan(reader.position());
    for (const TensorLayout& tensor : layout.tensors) {
        if (Status read = read_tensor(header, tensor, data, theta); !read) {
            return read;
        }
    }
    return {};
}

}  // namespace

Status export_hugging_face(const Snapshot& snapshot,
                           const std::string& tokenizer_json,
                           const fs::path& folder) {
    if (Status made = make_folder(folder); !made) {
        return made;
    }
    for (const NamedFile& file : side_files(snapshot, tokenizer_json)) {
        if (Status written = write_file_atomically(folder / file.name, as_bytes(file.text));
            !written) {
            return written;
        }
    }
    return write_file_atomically(folder / "model.safetensors", safetensors_bytes(snapshot));
}

Result<Snapshot> import_hugging_face(const fs::path& folder) {
    Result<json> config = parse_file(folder / "config.json", kConfigBytesMax);
    if (!config) {
        return config.error();
    }
    Result<ModelShape> shape = shape_of(*config);
    if (!shape) {
        return shape.error();
    }
    Result<Bytes> bytes = read_file(folder / "model.safetensors", kModelBytesMax);
    if (!bytes) {
        return bytes.error();
    }
    Snapshot snapshot;
    snapshot.run_name = folder.filename().string();
    snapshot.shape = *shape;
    if (Status read = read_safetensors(*bytes, *shape, snapshot.theta); !read) {
        return fail((folder / "model.safetensors").string() + ": " + read.reason());
    }
    return snapshot;
}

}  // namespace assay
