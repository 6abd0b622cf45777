// A bare clock loop over a Verilated card, to measure the other one by.
#pragma once
#include <cstddef>
#include <memory>
#include "rust/cxx.h"

namespace silico {
struct In;
struct Out;

class Bare {
   public:
    virtual ~Bare() = default;
    // One clock more of what will be shown.
    virtual void add(const In& input) = 0;
    virtual void power_on() = 0;
    // The clocks from `from` up to, not including, `to`: nothing but ports set and two evaluations in each. `plain`: as if the card did not listen to
    // whether its inputs have changed, as Verilator made it.
    virtual void run(std::size_t from, std::size_t to, bool plain) = 0;
    // What the card shows now.
    virtual void shown(Out& output) const = 0;
};

std::unique_ptr<Bare> make_bare(rust::Str variant);
}  // namespace silico
