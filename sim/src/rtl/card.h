// A Verilated card behind a plain interface: one call a clock.
#pragma once
#include <memory>
#include "rust/cxx.h"

namespace silico {
struct In;
struct Out;

class Card {
   public:
    virtual ~Card() = default;
    virtual void step(const In& input, Out& output) = 0;
    virtual bool coverage(rust::Str path) const = 0;
};

std::unique_ptr<Card> make(rust::Str variant);
}  // namespace silico
