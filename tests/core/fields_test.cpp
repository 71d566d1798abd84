// Settings as data: canonical text and nearest names.

#include "core/fields.h"

#include <catch2/catch.hpp>

namespace assay {

TEST_CASE("the nearest name is found for small slips alone") {
    const std::vector<std::string> names = {"inner_steps", "learning_rate", "peers", "port"};
    CHECK(nearest_name("inner_step", names) == "inner_steps");
    CHECK(nearest_name("learnign_rate", names) == "learning_rate");
    CHECK(nearest_name("pers", names) == "peers");
    CHECK(nearest_name("prot", names) == "port");
    CHECK(nearest_name("zzzzzzzzzzzz", names).empty());
    CHECK(nearest_name("", {}).empty());
}

TEST_CASE("of two equally near names the first is taken") {
    CHECK(nearest_name("aab", {"aaa", "aac"}) == "aaa");
}

TEST_CASE("canonical text keeps order, kind and bits") {
    CanonicalText text;
    text(Field{"steps", "", 0, 10, ""}, int64_t{-3});
    text(Field{"rate", "", 0, 10, ""}, 0.5);
    text(Field{"on", "", 0, 1, ""}, true);
    text(Field{"name", "", 0, 0, ""}, std::string("a=b\nc"));
    CHECK(text.text() == "steps=i-3\nrate=d4602678819172646912\non=b1\nname=s5:a=b\nc\n");
}

TEST_CASE("zeros of either sign are told apart") {
    CanonicalText plus;
    CanonicalText minus;
    plus(Field{"x", "", 0, 0, ""}, 0.0);
    minus(Field{"x", "", 0, 0, ""}, -0.0);
    CHECK(plus.text() != minus.text());
}

}  // namespace assay
