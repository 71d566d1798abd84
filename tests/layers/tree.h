// The tree that the rules of the house are held against: its files and their texts.

#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace assay {

/// The whole text of a file; empty if it cannot be read.
std::string read_file(const std::filesystem::path& path);

bool is_source(const std::filesystem::path& path);    // C++ and CUDA
bool is_document(const std::filesystem::path& path);  // Markdown

/// Paths from the root of all files of a kind, in order, without hidden folders and build trees.
std::vector<std::string> files_under(const std::filesystem::path& root,
                                     bool (*is_wanted)(const std::filesystem::path&));

/// Path from the root -> text, of all files of a kind.
std::map<std::string, std::string> texts_under(const std::filesystem::path& root,
                                               bool (*is_wanted)(const std::filesystem::path&));

}  // namespace assay
