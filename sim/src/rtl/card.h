// A Verilated card behind a plain interface: one call a clock.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include "rust/cxx.h"

namespace silico {
struct In;
struct Out;

class Card {
   public:
    virtual ~Card() = default;
    // Whether an assertion failed.
    virtual bool step(const In& input, Out& output) = 0;
    // What is declared inside it, as in a VCD file. Empty: this build does not tell.
    virtual rust::String inside() = 0;
    // Appends what has changed inside since the last time, under these inputs, as in a VCD file.
    virtual void look(const In& input, rust::Vec<uint8_t>& changes) = 0;
    // Bytes of all that it is, and those bytes: `into` has as many. What it has counted for coverage, and what a waveform has of it, are not among them.
    virtual std::size_t size() const = 0;
    virtual void save(rust::Slice<uint8_t> into) const = 0;
    // Becomes what another one of the same variant was when it was saved.
    virtual void load(rust::Slice<const uint8_t> from) = 0;
    // Appends what only counts, the card's clock first, 64 bits each. Nothing: this build does not know where it is.
    virtual void counters(rust::Vec<uint64_t>& into) const = 0;
    // Sets that, and all that follows from it at once.
    virtual void count(rust::Slice<const uint64_t> values) = 0;
    // Writes what was counted into a file. False: nothing is, in this build.
    virtual bool coverage(rust::Str path) = 0;
};

std::unique_ptr<Card> make(rust::Str variant);
// What assertions said since the last call, in this thread.
rust::String take_said();
}  // namespace silico
