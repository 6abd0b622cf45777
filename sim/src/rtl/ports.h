// The ports of a Verilated card, filled and read word by word: Verilator gives a port the smallest type that holds it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "silico-sim/src/rtl/ffi.rs.h"
#include "verilated.h"

namespace silico {

// Bits `lsb` to `lsb + width - 1` of a port, at most 32.
template <typename T>
void put(T& port, unsigned lsb, unsigned width, uint32_t value) {
    const T mask = static_cast<T>(((uint64_t{1} << width) - 1) << lsb);
    port = static_cast<T>((port & ~mask) | (static_cast<T>(static_cast<uint64_t>(value) << lsb) & mask));
}

template <std::size_t N>
void put(VlWide<N>& port, unsigned lsb, unsigned width, uint32_t value) {
    const unsigned word = lsb / 32, bit = lsb % 32;
    const uint64_t mask = ((uint64_t{1} << width) - 1) << bit, bits = static_cast<uint64_t>(value) << bit;
    port[word] = static_cast<uint32_t>((port[word] & ~mask) | (bits & mask));
    if (bit + width > 32) port[word + 1] = static_cast<uint32_t>((port[word + 1] & ~(mask >> 32)) | ((bits & mask) >> 32));
}

template <typename T>
uint32_t get(const T& port, unsigned lsb, unsigned width) {
    return static_cast<uint32_t>((static_cast<uint64_t>(port) >> lsb) & ((uint64_t{1} << width) - 1));
}

template <std::size_t N>
uint32_t get(const VlWide<N>& port, unsigned lsb, unsigned width) {
    const unsigned word = lsb / 32, bit = lsb % 32;
    uint64_t bits = port[word];
    if (bit + width > 32) bits |= static_cast<uint64_t>(port[word + 1]) << 32;
    return static_cast<uint32_t>((bits >> bit) & ((uint64_t{1} << width) - 1));
}

// What a clock shows the card; whether anything differs from before. `Ports` is a card, or has fields of the same names and types.
template <unsigned Words, unsigned Channels, unsigned Outputs, typename Ports>
bool drive(Ports& top, const In& input) {
    // A beat is taken for new: comparing it would cost more than it spares.
    bool changed = input.rx_valid || input.front_valid;
    const auto set = [&changed](auto& port, unsigned value) {
        changed |= port != value;
        port = static_cast<std::remove_reference_t<decltype(port)>>(value);
    };
    set(top.rst_ni, !input.power_on);
    set(top.pcie_reset_i, input.reset);
    set(top.link_up_i, input.link_up);
    set(top.rx_valid_i, input.rx_valid);
    if (input.rx_valid) {
        top.rx_sop_i = input.rx_sop;
        top.rx_eop_i = input.rx_eop;
        top.rx_discard_i = input.rx_discard;
        top.rx_digest_i = input.rx_digest;
        top.rx_bytes_i = input.rx_bytes;
        for (unsigned i = 0; i < 4; i++) top.rx_header_i[i] = input.rx_header[i];
        for (unsigned i = 0; i < Words; i++) top.rx_data_i[i] = input.rx_data[i];
    }
    set(top.tx_ready_i, input.tx_ready);
    for (unsigned i = 0; i < 3; i++) {
        if (get(top.credits_i, 22 * i, 22) == input.credits[i]) continue;
        put(top.credits_i, 22 * i, 22, input.credits[i]);
        changed = true;
    }
    set(top.front_valid_i, input.front_valid & ((1u << Channels) - 1));
    if (input.front_valid) {
        top.front_last_i = input.front_last & ((1u << Channels) - 1);
        top.front_error_i = input.front_error & ((1u << Channels) - 1);
        for (unsigned i = 0; i < Channels; i++) {
            if (!(input.front_valid >> i & 1)) continue;
            put(top.front_bytes_i, 7 * i, 7, input.front_bytes[i]);
            put(top.front_source_i, 16 * i, 16, input.front_source[i]);
            for (unsigned j = 0; j < Words; j++) put(top.front_data_i, 32 * (Words * i + j), 32, input.front_data[16 * i + j]);
        }
    }
    set(top.out_ready_i, input.out_ready & ((1u << Outputs) - 1));
    return changed;
}

// What the card shows.
template <unsigned Words, unsigned Channels, unsigned Outputs, typename Top>
void read(const Top& top, Out& output) {
    output.tx_valid = top.tx_valid_o;
    if (output.tx_valid) {
        output.tx_sop = top.tx_sop_o;
        output.tx_eop = top.tx_eop_o;
        output.tx_bytes = top.tx_bytes_o;
        output.tx_digest = top.tx_digest_o;
        for (unsigned i = 0; i < 4; i++) output.tx_header[i] = top.tx_header_o[i];
        for (unsigned i = 0; i < Words; i++) output.tx_data[i] = top.tx_data_o[i];
    }
    output.rx_ready = top.rx_ready_o;
    for (unsigned i = 0; i < 3; i++) output.credits[i] = get(top.credits_o, 22 * i, 22);
    output.front_ready = top.front_ready_o;
    output.front_busy = top.front_busy_o;
    output.out_valid = top.out_valid_o;
    if (output.out_valid) {
        output.out_last = top.out_last_o;
        output.out_error = top.out_error_o;
        for (unsigned i = 0; i < Outputs; i++) {
            if (!(output.out_valid >> i & 1)) continue;
            output.out_bytes[i] = get(top.out_bytes_o, 7 * i, 7);
            output.out_source[i] = get(top.out_source_o, 16 * i, 16);
            for (unsigned j = 0; j < Words; j++) output.out_data[16 * i + j] = get(top.out_data_o, 32 * (Words * i + j), 32);
        }
    }
}

// Tells a card whether its inputs have changed since it was evaluated last, if the build script taught it to listen (build/inputs.rs): it then leaves out
// what only they decide, which is evaluated at both edges otherwise, changed or not, and is more than half of all work.
template <typename Root>
auto inputs_changed(Root* root, bool changed) -> decltype(static_cast<void>(root->silico_changed)) {
    root->silico_changed = changed;
}
inline void inputs_changed(void*, bool) {}

// One clock of a card whose inputs are there; whether they have changed at the rising edge, and at the falling one, where nothing but the clock does.
template <typename Top>
void tick(Top& top, bool rising, bool falling) {
    inputs_changed(top.rootp, rising);
    top.clk_i = 1;
    top.eval();
    inputs_changed(top.rootp, falling);
    top.clk_i = 0;
    top.eval();
}

// To be called before a card is made in this context: it needs no threads, and Verilator would start some for each.
inline VerilatedContext* alone(VerilatedContext& context) {
    context.threads(1);
    return &context;
}

// To be called before a card goes: what it was registered with is looked for in the context that this thread used last, which may be that of another card,
// and gone already.
inline void part(VerilatedContext& context) { Verilated::threadContextp(&context); }

}  // namespace silico
