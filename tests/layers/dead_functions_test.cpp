// Functions that only tests call, or nobody: found in made-up trees and in this one.

#include "tests/layers/dead_functions.h"

#include <catch2/catch.hpp>

#include "tests/layers/cpp_reader.h"
#include "tests/layers/tree.h"

namespace assay {

namespace {

using Texts = std::map<std::string, std::string>;

/// Names of what is dead in a tree of one header and the other files that are given.
std::string dead_in(const std::string& header, Texts others) {
    others["a/a.h"] = header;
    std::string names;
    for (const DeadFunction& one : dead_functions(others)) {
        names += one.name + (one.in_tests ? " tests\n" : " nobody\n");
    }
    return names;
}

const char* const kSees = "#include \"a/a.h\"\n";

}  // namespace

TEST_CASE("functions are read with owner, access and body", "[layers]") {
    const CppFile file = read_cpp(
        "// f(x);\n"
        "int free_one(std::function<void(int)> f, int x = g(3));\n"
        "template <class T, typename U = std::vector<T>> T made(T x) { return other(x); }\n"
        "class A : public B {\n"
        "public:\n"
        "    explicit A(int x) : b_{x}, c_(2) { set(); }\n"
        "    ~A();\n"
        "    [[nodiscard]] bool seen() const override { return \"} unseen(\"[0] == '('; }\n"
        "    bool operator==(const A&) const = default;\n"
        "    static constexpr int kLimit = limit(4);\n"
        "private:\n"
        "    struct Part { void hidden(); };\n"
        "    void own(\n"
        "        int x);\n"
        "    int b_{0};\n"
        "};\n"
        "int A::Part::defined() { if (a) { b(); } return 1; }\n"
        "const int kFirst = first({1, 2});\n"
        "void (*pointer)(int x);\n"
        "A_MACRO(x);\n");
    std::string read;
    for (const CodeFunction& one : file.functions) {
        read += one.owner + ":" + one.name + (one.is_public ? "" : " private") +
                (one.is_special ? " special" : "") + (one.is_override ? " override" : "") +
                (one.has_body ? " body " : " ") + std::to_string(one.first_line) + "-" +
                std::to_string(one.last_line) + "\n";
    }
    CHECK(read ==
          ":free_one 2-2\n:made body 3-3\nA:A special body 6-6\nA:A special 7-7\n"
          "A:seen override body 8-8\nA:operator special 9-9\nPart:hidden private 12-12\n"
          "A:own private 13-14\nPart:defined body 17-17\n");
    CHECK(file.classes == std::vector<std::string>{"A", "Part"});
    CHECK(file.comment_lines == std::set<int>{1});
}

TEST_CASE("a free function is alive when product code says its name", "[layers]") {
    const std::string header = "int f(int x);\n";
    const std::string definition = std::string(kSees) + "int f(int x) { return x ? f(0) : 1; }\n";
    CHECK(dead_in(header, {{"a/a.cpp", definition}}) == "f nobody\n");
    CHECK(
        dead_in(header, {{"a/b.cpp", std::string(kSees) + "int g() { return f(1); }\n"}}).empty());
    CHECK(dead_in(header, {{"a/b.cpp", std::string(kSees) + "auto* g = &f;\n"}}).empty());
    CHECK(dead_in(header, {{"a/b.h", kSees}, {"b/b.cpp", "#include \"a/b.h\"\nint g = f(1);\n"}})
              .empty());
    // None of these is a use: a comment, a string, a member, a file that does not see the header.
    CHECK(dead_in(header, {{"a/b.cpp", std::string(kSees) + "// f(1)\nauto g = \"f(1)\";\n"}}) ==
          "f nobody\n");
    CHECK(dead_in(header, {{"a/b.cpp", std::string(kSees) + "int g() { return x.f(1); }\n"}}) ==
          "f nobody\n");
    CHECK(dead_in(header, {{"a/b.cpp", "int g() { return f(1); }\n"}}) == "f nobody\n");
    const std::string test = std::string(kSees) + "TEST_CASE(\"x\") { CHECK(f(1)); }\n";
    CHECK(dead_in(header, {{"tests/a/a_test.cpp", test}}) == "f tests\n");
    CHECK(dead_in(header, {{"fuzz/a.cpp", test}}) == "f tests\n");
}

TEST_CASE("a member is alive when product code calls it on something or inside", "[layers]") {
    const std::string header =
        "class A {\npublic:\n    A(int x);\n    static A load(int x);\n    int size() const;\n"
        "    virtual void run() = 0;\n    void begin();\n    bool operator<(const A&) const;\n};\n"
        "struct B : A {\n    void run() override;\n};\n";
    const std::string all = "A::load nobody\nA::size nobody\nA::run nobody\n";
    CHECK(dead_in(header, {}) == all);
    const auto with = [&](const std::string& code) {
        return dead_in(header, {{"a/b.cpp", kSees + code}});
    };
    CHECK(with("int g(A& a) { a.run(); return a.size(); }\n") == "A::load nobody\n");
    CHECK(with("auto g() { return A::load(1); }\n") == "A::size nobody\nA::run nobody\n");
    CHECK(with("auto g() { return B::load(1); }\n") == all);
    CHECK(with("int g() { return size(); }\n") == all);
    CHECK(with("A A::load(int x) { run(); return A(size()); }\n") == "A::load nobody\n");
}

TEST_CASE("a static member is alive when a template calls it on its parameter", "[layers]") {
    const std::string header = "struct Lanes {\n    static int load(int x);\n};\n";
    const std::string body = "template <class L> int sum(int x) { return L::load(x); }\n";
    const std::string both = std::string(kSees) + "#include \"a/body.h\"\n";
    CHECK(dead_in(header, {{"a/body.h", body}, {"a/b.cpp", both + "int x = sum<Lanes>(1);\n"}})
              .empty());
    CHECK(dead_in(header, {{"a/body.h", body}, {"a/b.cpp", kSees}}) ==
          "Lanes::load nobody\nsum nobody\n");
}

TEST_CASE("an exception needs a reason and a function that is dead", "[layers]") {
    const std::vector<DeadFunction> found = {{"f", "a/a.h", 1, true}};
    CHECK(exception_faults(found, "# why\n\nf  a seam for tests\n").empty());
    CHECK(exception_faults(found, "").size() == 1);
    CHECK(exception_faults(found, "f\n").size() == 1);
    CHECK(exception_faults(found, "f  a seam\nf  a seam\n").size() == 1);
    CHECK(exception_faults(found, "f  a seam\ng  a seam\n").size() == 1);
}

TEST_CASE("no function of the product is called by tests alone or by nobody", "[layers]") {
    const std::filesystem::path root = ASSAY_SOURCE_DIR;
    const Texts texts = texts_under(root, is_source);
    REQUIRE(texts.count("core/digest.h") == 1);
    const std::string exceptions = read_file(root / "tests/layers/dead_functions.txt");
    for (const std::string& fault : exception_faults(dead_functions(texts), exceptions)) {
        FAIL_CHECK(fault);
    }
}

}  // namespace assay
