// What differs between two snapshots: norms, the largest entry's place, equal values, digests.
#include "checkpoints/snapshot_diff.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/checkpoints/made_snapshot.h"

namespace assay {
namespace {

const TensorDiff& named(const SnapshotDiff& diff, const std::string& name) {
    const auto found = std::find_if(diff.tensors.begin(),
                                    diff.tensors.end(),
                                    [&](const TensorDiff& tensor) { return tensor.name == name; });
    REQUIRE(found != diff.tensors.end());
    return *found;
}

// The value at (row, column) of a tensor.
float& at(Snapshot& snapshot, const std::string& name, uint64_t row, uint64_t column) {
    const ParameterLayout layout = llama_layout(snapshot.shape);
    for (const TensorLayout& tensor : layout.tensors) {
        if (tensor.name == name) {
            return snapshot.theta[tensor.first_value() + row * tensor.columns + column];
        }
    }
    FAIL("no tensor " + name);
    return snapshot.theta[0];
}

constexpr const char* kUp = "model.layers.1.mlp.up_proj.weight";

}  // namespace

TEST_CASE("a model differs in nothing from itself") {
    const Snapshot snapshot = made_tiny_snapshot();
    const Result<SnapshotDiff> diff = diff_snapshots(snapshot, snapshot);
    REQUIRE(diff.ok());
    CHECK(diff->equal());
    CHECK(diff->model.equal == diff->model.values);
    CHECK(diff->model.values == llama_layout(snapshot.shape).live_count());
    CHECK(diff->model.norm() == 0);
    CHECK(diff->tensors.back().name == "outer accumulator");
    CHECK_THAT(describe_diff(*diff), Catch::Contains("Equal, bit for bit."));
    CHECK_THAT(describe_diff(*diff), Catch::Contains("100.00%"));
}

TEST_CASE("the norm, the largest entry and its place are those of the values that were changed") {
    const Snapshot first = made_tiny_snapshot();
    Snapshot second = first;
    at(second, kUp, 3, 5) += 3.0F;
    at(second, kUp, 7, 2) -= 4.0F;
    const Result<SnapshotDiff> diff = diff_snapshots(first, second);
    REQUIRE(diff.ok());
    CHECK_FALSE(diff->equal());
    const TensorDiff& up = named(*diff, kUp);
    CHECK(up.norm() == Approx(5.0).epsilon(1e-6));
    CHECK(up.largest == Approx(4.0).epsilon(1e-6));
    CHECK(up.row == 7);
    CHECK(up.column == 2);
    CHECK(up.equal == up.values - 2);
    CHECK_FALSE(up.digests_equal);
    double squares = 0;
    for (uint64_t i = 0; i < up.values; ++i) {
        const float value = (&at(const_cast<Snapshot&>(first), kUp, 0, 0))[i];
        squares += static_cast<double>(value) * static_cast<double>(value);
    }
    CHECK(up.relative() == Approx(up.norm() / std::sqrt(squares)));
    CHECK(diff->model.norm() == Approx(5.0).epsilon(1e-6));
    CHECK(diff->largest_tensor == kUp);
    for (const TensorDiff& tensor : diff->tensors) {
        CHECK(tensor.digests_equal == (tensor.name != kUp));
    }
    const nlohmann::json json = nlohmann::json::parse(diff_json(*diff));
    CHECK(json.at("equal") == false);
    CHECK(json.at("model").at("largest_tensor") == kUp);
    CHECK(json.at("tensors").size() == diff->tensors.size());
}

TEST_CASE("signed zeros and values that are no numbers are told apart by their bits") {
    Snapshot first = made_tiny_snapshot();
    Snapshot second = first;
    at(first, kUp, 0, 0) = 0.0F;
    at(second, kUp, 0, 0) = -0.0F;
    at(second, kUp, 0, 1) = std::numeric_limits<float>::quiet_NaN();
    const Result<SnapshotDiff> diff = diff_snapshots(first, second);
    REQUIRE(diff.ok());
    const TensorDiff& up = named(*diff, kUp);
    CHECK(up.equal == up.values - 2);
    CHECK(up.not_finite == 1);
    CHECK(up.norm() == 0);
    CHECK_FALSE(diff->equal());
    CHECK_THAT(describe_diff(*diff), Catch::Contains("1 differences are no numbers"));
}

TEST_CASE("only the outer state differs: the models are then not equal") {
    const Snapshot first = made_tiny_snapshot();
    Snapshot second = first;
    second.accumulator[17] += 1;
    const Result<SnapshotDiff> diff = diff_snapshots(first, second);
    REQUIRE(diff.ok());
    CHECK(diff->model.digests_equal);
    CHECK_FALSE(diff->equal());
    CHECK(named(*diff, "outer accumulator").column == 17);
    second.accumulator.clear();  // an imported model has none
    CHECK(diff_snapshots(first, second)->equal());
}

TEST_CASE("models of other shapes are refused with what differs") {
    const Snapshot first = made_tiny_snapshot();
    Snapshot second = first;
    second.shape.layers = 3;
    second.shape.rope_theta = 500000;
    second.theta = initial_parameters(second.shape, Digest{});
    const Result<SnapshotDiff> diff = diff_snapshots(first, second);
    REQUIRE_FALSE(diff.ok());
    CHECK_THAT(diff.reason(), Catch::Contains("layers 2 and 3, rope_theta 10000.0 and 500000.0"));
}

TEST_CASE("the table of a diff fits 100 columns") {
    Snapshot first = made_tiny_snapshot();
    first.shape.layers = 12;
    first.shape.ffn_width = 4096;
    first.theta = initial_parameters(first.shape, Digest{});
    Snapshot second = first;
    for (float& value : second.theta) {
        value = -value * 1e30F;
    }
    const Result<SnapshotDiff> diff = diff_snapshots(first, second);
    REQUIRE(diff.ok());
    std::istringstream lines(describe_diff(*diff));
    for (std::string line; std::getline(lines, line);) {
        INFO(line);
        CHECK(line.size() <= 100);
    }
}

}  // namespace assay
