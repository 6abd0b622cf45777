// A Verilated card's state in memory. Verilator's own classes for this write files; these copy in place, and know no format: what is loaded was saved by the
// same program, of the same variant, which the Rust side sees to.
#pragma once
#include <cstddef>
#include <cstdint>

#include "rust/cxx.h"
#include "verilated_save.h"

namespace silico {

// How much there is.
class Counted final : public VerilatedSerialize {
   public:
    // Nothing after it.
    std::size_t size() const { return flushed_ + static_cast<std::size_t>(m_cp - m_bufp); }

   private:
    void flush() override {
        flushed_ = size();
        m_cp = m_bufp;
    }

    std::size_t flushed_ = 0;
};

// Into memory that has room for all of it.
class Saved final : public VerilatedSerialize {
   public:
    explicit Saved(rust::Slice<uint8_t> into) : own_{m_bufp} { m_bufp = m_cp = into.data(); }
    ~Saved() override { m_bufp = own_; }

   private:
    // It asks for this when its own buffer would be full.
    void flush() override { m_bufp = m_cp; }

    uint8_t* own_;
};

// From memory that has all of it.
class Loaded final : public VerilatedDeserialize {
   public:
    explicit Loaded(rust::Slice<const uint8_t> from) : own_{m_bufp} {
        // It reads there, and writes nothing but in `fill`.
        m_bufp = m_cp = const_cast<uint8_t*>(from.data());
        m_endp = m_bufp + from.size();
    }
    ~Loaded() override { m_bufp = own_; }

   private:
    // Near the end it asks for more: there is as much as was saved, and no more is read.
    void fill() override {}
    void flush() override {}

    uint8_t* own_;
};

}  // namespace silico
