// Chat templates as models ship them: the part of Jinja that they use, and no more.
//
// Understands text, output, comments, if/elif/else, for with loop.*, set and namespace(), string
// methods and filters of chat templates, and raise_exception(). What it does not understand is
// refused when the template is read, with the line. Rendering is bounded in steps and bytes. As
// with the tool that models are published with, a newline behind a block and blanks before one on
// its line are left out (trim_blocks, lstrip_blocks). Only serving/chat_template.cpp includes this.

#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/result.h"

namespace assay {

class JinjaTemplate {
public:
    // Fails on what is not understood, with its line.
    static Result<JinjaTemplate> parse(std::string_view source);
    // Fails where the template raises an exception, and beyond the bounds.
    [[nodiscard]] Result<std::string> render(const nlohmann::json& variables) const;

private:
    struct Nodes;
    JinjaTemplate() = default;
    std::shared_ptr<const Nodes> nodes_;
};

}  // namespace assay
