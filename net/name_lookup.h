// The addresses of a name, one after the other, each time around looked up again.
//
// A resolver may take half a minute, so it is asked on a thread of its own and the event loop goes
// on. Owned by one thread; may be destroyed while the resolver is still at it.

#pragma once

#include <functional>
#include <future>
#include <optional>
#include <vector>

#include "net/endpoint.h"

namespace assay {

class NameLookup {
public:
    using Resolve = std::function<Result<std::vector<Endpoint>>(const Endpoint&)>;

    // REQUIRES: `name` is one.
    NameLookup(Endpoint name, Resolve resolve);

    // The address to try next; nothing while none is known, or the name has none.
    std::optional<Endpoint> next();

private:
    using Answer = Result<std::vector<Endpoint>>;
    void ask();

    Endpoint name_;
    Resolve resolve_;
    std::optional<std::future<Answer>> asked_;
    std::vector<Endpoint> untried_;  // the next one last
};

}  // namespace assay
