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
    // Power-on, and every clock: nothing but ports set and two evaluations in each.
    virtual void run() = 0;
    // The same a clock a call: power-on, then the clocks from 0, each with what the card shows after it.
    virtual void power_on() = 0;
    virtual void pass(std::size_t clock) = 0;
    // What the card shows now.
    virtual void shown(Out& output) const = 0;
};

std::unique_ptr<Bare> make_bare(rust::Str variant);
}  // namespace silico
