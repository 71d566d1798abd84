// Files that comments and documents name: each must be in the tree.
//
// A name is a word that ends in .h, .cpp, .cu or .md: a path from the root (or, in a document, from
// its folder), or the name alone of some file. Words with a * or NAME stand for many and are not
// asked, nor are addresses on the web. docs/log/ tells of the past and tests/layers/ of made-up
// files; neither is held to it.

#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/layers/house_rules.h"

namespace assay {

/// The names in one source's comments, or in all of a document, that no file of `files` has.
std::vector<Fault> unknown_files(const std::string& path,
                                 const std::string& text,
                                 const std::set<std::string>& files);

}  // namespace assay
