// Who may connect: the list file, its changes, and two keys of one image.

#include "net/admission_list.h"

#include <catch2/catch.hpp>

#include "core/files.h"
#include "tests/support/scratch_folder.h"

namespace assay {

namespace {

Identity identity_of(const std::string& name) {
    return Identity::from_seed(sha256_plain(as_bytes(name)));
}

}  // namespace

TEST_CASE("any admits every key, and binds each to its first signer") {
    const auto list = AdmissionList::open("any").value();
    const Identity alice = identity_of("alice");
    const Identity bob = identity_of("bob");
    CHECK(list->admits(alice.curve_public()));
    CHECK(list->claim(alice.curve_public(), alice.id()));
    CHECK_FALSE(list->claim(alice.curve_public(), bob.id()));
}

TEST_CASE("a list admits what stands in it, whatever the comments, and follows its changes") {
    const ScratchFolder folder;
    const auto file = folder.path() / "admit";
    const Identity alice = identity_of("alice");
    const Identity bob = identity_of("bob");
    REQUIRE(write_file_atomically(
                file, as_bytes("# peers\r\n\n  " + alice.id().hex() + " # alice\r\nnot a key\n"))
                .ok());
    const auto list = AdmissionList::open(file.string()).value();
    CHECK(list->admits(alice.curve_public()));
    CHECK_FALSE(list->admits(bob.curve_public()));
    CHECK_FALSE(list->claim(bob.curve_public(), bob.id()));
    REQUIRE(write_file_atomically(file, as_bytes(bob.id().hex())).ok());
    CHECK(list->admits(bob.curve_public()));
    CHECK_FALSE(list->admits(alice.curve_public()));
    std::filesystem::remove(file);
    CHECK_FALSE(list->admits(bob.curve_public()));
    REQUIRE(write_file_atomically(file, as_bytes(alice.id().hex())).ok());
    CHECK(list->admits(alice.curve_public()));
}

TEST_CASE("a list may begin with a byte order mark and have blanks of any kind around its keys") {
    const ScratchFolder folder;
    const auto file = folder.path() / "admit";
    const Identity alice = identity_of("alice");
    const Identity bob = identity_of("bob");
    const std::string text =
        "\xEF\xBB\xBF" + alice.id().hex() + "\r\n\t " + bob.id().hex() + " \t\v# bob\r\n";
    REQUIRE(write_file_atomically(file, as_bytes(text)).ok());
    const auto list = AdmissionList::open(file.string()).value();
    CHECK(list->admits(alice.curve_public()));
    CHECK(list->admits(bob.curve_public()));
    // Notepad's other encoding is told, not read as nobody.
    REQUIRE(write_file_atomically(file, as_bytes(std::string("\xff\xfe") + 'a' + '\0')).ok());
    CHECK_FALSE(list->admits(alice.curve_public()));
    const auto unreadable = AdmissionList::open(file.string());
    REQUIRE_FALSE(unreadable.ok());
    CHECK_THAT(unreadable.reason(), Catch::Contains("UTF-8"));
}

TEST_CASE("of two listed keys with one connection key the first stays") {
    const ScratchFolder folder;
    const auto file = folder.path() / "admit";
    const Identity alice = identity_of("alice");
    PeerId mirrored = alice.id();
    mirrored.key[31] ^= 0x80;
    REQUIRE(write_file_atomically(file, as_bytes(alice.id().hex() + "\n" + mirrored.hex())).ok());
    const auto list = AdmissionList::open(file.string()).value();
    CHECK(list->claim(alice.curve_public(), alice.id()));
    CHECK_FALSE(list->claim(alice.curve_public(), mirrored));
}

TEST_CASE("a list that cannot be read at the start is named") {
    const auto list = AdmissionList::open("/nowhere/admit");
    REQUIRE_FALSE(list.ok());
    CHECK_THAT(list.reason(), Catch::Contains("/nowhere/admit"));
}

}  // namespace assay
