// A snapshot in words and as JSON: what `assay checkpoint info` says.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/merkle.h"
#include "tests/checkpoints/made_snapshot.h"

namespace assay {

TEST_CASE("a snapshot's shape is told one setting a line, as people write numbers") {
    Snapshot snapshot = made_tiny_snapshot();
    snapshot.shape.rope_theta = 500000;
    snapshot.shape.norm_epsilon = 1e-5;
    const std::string text = describe_snapshot(snapshot);
    INFO(text);
    CHECK_THAT(text, Catch::Contains("\nparameters  8,720 in all, in 20 tensors and 21 tiles\n"));
    CHECK_THAT(text, Catch::Contains("\n  vocab_size    300 tokens     size of the vocabulary\n"));
    CHECK_THAT(text, Catch::Contains("\n  rope_theta    500000         base of"));
    CHECK_THAT(text, Catch::Contains("\n  norm_epsilon  1e-05          epsilon"));
    CHECK_THAT(text, Catch::Contains("\n  tied          yes            the output"));
    CHECK_THAT(describe_snapshot(made_tiny_snapshot(false)),
               Catch::Contains("\n  tied          no             the output"));
}

TEST_CASE("a snapshot's JSON holds what its words hold") {
    const Snapshot snapshot = made_tiny_snapshot(true, 7);
    const nlohmann::json json = nlohmann::json::parse(snapshot_json(snapshot));
    CHECK(json.at("run") == "tiny");
    CHECK(json.at("manifest") == snapshot.manifest.hex());
    CHECK(json.at("next_round") == 7);
    CHECK(json.at("theta_root") == tiles_root(snapshot.theta).hex());
    CHECK(json.at("parameters") == llama_layout(snapshot.shape).live_count());
    CHECK(json.at("shape").at("ffn_width") == 24);
    CHECK(json.at("shape").at("rope_theta") == 10000.0);
    CHECK(json.at("shape").at("tied") == true);
    CHECK(json.at("shape").size() == 11);
}

}  // namespace assay
