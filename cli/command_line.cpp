#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <deque>
#include <map>
#include <sstream>

#include "core/fields.h"

namespace assay {

namespace {

constexpr size_t kOptionColumn = 34;
constexpr size_t kColumns = 100;

CLI::App& app_of(void* app) {
    return *static_cast<CLI::App*>(app);
}

// A line of help as lines of at most kColumns, broken in front of words: an example goes on as a
// shell takes it, a description under its column.
std::string wrapped_line(std::string line) {
    const bool example = line.rfind("  assay ", 0) == 0;
    const std::string gap = example ? " --" : " ";
    const std::string end = example ? " \\" : "";
    const size_t indent = example ? 6 : line.rfind("  ", 0) == 0 ? kOptionColumn : 0;
    std::string lines;
    while (line.size() > kColumns) {
        const size_t at = line.rfind(gap, kColumns - end.size());
        if (at == std::string::npos || at <= indent) {
            break;  // one long word
        }
        lines += line.substr(0, at) + end + "\n";
        line = std::string(indent, ' ') + line.substr(at + 1);
    }
    return lines + line;
}

class WrappingFormatter : public CLI::Formatter {
public:
    std::string make_help(const CLI::App* app,
                          std::string name,
                          CLI::AppFormatMode mode) const override {
        std::istringstream help(CLI::Formatter::make_help(app, std::move(name), mode));
        std::string text;
        for (std::string line; std::getline(help, line);) {
            text += wrapped_line(line) + "\n";
        }
        return text;
    }
};

std::string with_bounds(const std::string& help, int64_t low, int64_t high) {
    return help + " (" + std::to_string(low) + " to " + std::to_string(high) + ")";
}

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) {
            names.push_back("--" + name);
        }
    }
    return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(command->get_name());
    }
    return names;
}

const CLI::App& deepest(const CLI::App& app) {
    const std::vector<CLI::App*> chosen = app.get_subcommands();
    return chosen.empty() ? app : deepest(*chosen.front());
}

// What a command line says: the command that its words lead to, and the first word unknown there.
struct Said {
    const CLI::App* command = nullptr;
    std::string path;
    std::string unknown;  // an option without its value, or a command; "" if there is none
};

bool looks_like_option(const std::string& word) {
    return word.size() > 1 && word.front() == '-' && (word[1] < '0' || word[1] > '9');
}

Said read_words(const CLI::App& app, int argc, const char* const* argv) {
    Said said{&app, app.get_name(), ""};
    for (int i = 1; i < argc; ++i) {
        const std::string full = argv[i];
        const std::string word = full.substr(0, full.find('='));
        const std::vector<std::string> commands = command_names(*said.command);
        const auto among = [&word](const std::vector<std::string>& names) {
            return std::find(names.begin(), names.end(), word) != names.end();
        };
        if (among(commands)) {
            said.command = said.command->get_subcommand(word);
            said.path += " " + word;
        } else if (looks_like_option(word) ? word != "--" && !among(option_names(*said.command))
                                           : said.command->get_require_subcommand_min() > 0) {
            said.unknown = word;
            return said;
        }
    }
    return said;
}

}  // namespace

Command& Command::text(const std::string& flag, std::string& value, const std::string& help) {
    CLI::Option* option = app_of(app_).add_option(flag, value, help);
    if (!value.empty()) {
        option->capture_default_str();
    }
    return *this;
}

Command& Command::required(const std::string& flag, std::string& value, const std::string& help) {
    app_of(app_).add_option(flag, value, help)->required();
    return *this;
}

Command& Command::choice(const std::string& flag,
                         std::string& value,
                         const std::vector<std::string>& choices,
                         const std::string& help) {
    constexpr size_t kBesideFlag = 60;
    std::string all;
    for (const std::string& choice : choices) {
        all += (all.empty() ? "" : ", ") + choice;
    }
    CLI::IsMember one_of(choices);
    if (all.size() > kBesideFlag) {  // in the text, where lines are broken
        one_of.description("");
    }
    app_of(app_)
        .add_option(flag, value, all.size() > kBesideFlag ? help + ": " + all : help)
        ->check(one_of)
        ->capture_default_str();
    return *this;
}

Command& Command::number(
    const std::string& flag, int64_t& value, int64_t low, int64_t high, const std::string& help) {
    app_of(app_)
        .add_option(flag, value, with_bounds(help, low, high))
        ->check(CLI::Range(low, high))
        ->capture_default_str();
    return *this;
}

Command& Command::several(const std::string& flag,
                          std::vector<std::string>& values,
                          const std::string& help) {
    app_of(app_).add_option(flag, values, help)->expected(1)->take_all();
    return *this;
}

Command& Command::toggle(const std::string& flag, bool& value, const std::string& help) {
    app_of(app_).add_flag(flag, value, help);
    return *this;
}

Command& Command::positional(const std::string& name, std::string& value, const std::string& help) {
    app_of(app_).add_option(name, value, help)->required();
    return *this;
}

Command& Command::optional_positional(const std::string& name,
                                      std::string& value,
                                      const std::string& help) {
    app_of(app_).add_option(name, value, help);
    return *this;
}

Command& Command::remark(const std::string& text) {
    CLI::App& app = app_of(app_);
    app.footer(app.get_footer() + "\n\n" + text);
    return *this;
}

struct CommandLine::State {
    State(const std::string& program, const std::string& description) : app(description, program) {}
    CLI::App app;
    std::map<const CLI::App*, std::function<int()>> actions;
    std::deque<Command> commands;

    CLI::App& group(CLI::App& parent, const std::string& name) {
        for (CLI::App* existing : parent.get_subcommands([](const CLI::App*) { return true; })) {
            if (existing->get_name() == name) {
                return *existing;
            }
        }
        CLI::App* made = parent.add_subcommand(name);
        made->require_subcommand(1);
        return *made;
    }

    int refuse(const CLI::ParseError& error, int argc, const char* const* argv) const;
};

CommandLine::CommandLine(const std::string& program,
                         const std::string& description,
                         const std::string& version)
    : state_(std::make_unique<State>(program, description)) {
    state_->app.require_subcommand(1);
    state_->app.set_version_flag("--version", version);
    state_->app.formatter(std::make_shared<WrappingFormatter>());
    state_->app.get_formatter()->column_width(kOptionColumn);
    state_->app.footer("Every command explains itself: " + program + " COMMAND --help");
}

CommandLine::~CommandLine() = default;

Command& CommandLine::add(const std::string& path,
                          const std::string& summary,
                          const std::string& example,
                          std::function<int()> action) {
    CLI::App* parent = &state_->app;
    std::string name = path;
    const size_t space = path.find(' ');
    if (space != std::string::npos) {
        parent = &state_->group(*parent, path.substr(0, space));
        name = path.substr(space + 1);
        const std::string listed = parent->get_description();
        if (!state_->actions.contains(parent)) {
            parent->description(listed.empty() ? "commands: " + name : listed + ", " + name);
        }
    }
    CLI::App* app = parent->add_subcommand(name, summary);
    app->footer("Example:\n  " + example);
    state_->actions[app] = std::move(action);
    state_->commands.push_back(Command(app));
    return state_->commands.back();
}

int CommandLine::State::refuse(const CLI::ParseError& error,
                               int argc,
                               const char* const* argv) const {
    if (error.get_exit_code() == 0) {
        return app.exit(error);
    }
    const Said said = read_words(app, argc, argv);
    // A value may look like an option: words are looked at only where they are what was wrong.
    const bool about_words = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
                             dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
    const std::string unknown = about_words ? said.unknown : "";
    const std::string program = app.get_name();
    const char* name = program.c_str();
    if (unknown.empty()) {
        std::fprintf(stderr, "%s: %s\n", name, error.what());
    } else if (unknown.front() == '-') {
        std::fprintf(
            stderr, "%s: `%s` has no option %s\n", name, said.path.c_str(), unknown.c_str());
    } else {
        std::fprintf(
            stderr, "%s: `%s` has no command %s\n", name, said.path.c_str(), unknown.c_str());
    }
    const std::string near = nearest_name(
        unknown,
        unknown.rfind('-', 0) == 0 ? option_names(*said.command) : command_names(*said.command));
    if (!unknown.empty() && !near.empty()) {
        std::fprintf(stderr, "Did you mean `%s`?\n", near.c_str());
    }
    std::fprintf(stderr, "See: %s --help\n", said.path.c_str());
    return kExitUsage;
}

int CommandLine::run(int argc, const char* const* argv) {
    try {
        state_->app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return state_->refuse(error, argc, argv);
    }
    return state_->actions.at(&deepest(state_->app))();
}

}  // namespace assay
