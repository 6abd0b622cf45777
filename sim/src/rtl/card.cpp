// The variants of the Verilated card. Ports are filled and read word by word: Verilator gives a port the smallest type that holds it.
#include "card.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>

#include "silico-sim/src/rtl/ffi.rs.h"
#include "variants.h"
#include "verilated.h"
#if VM_COVERAGE
#include "verilated_cov.h"
#endif

namespace {
// What Verilator's runtime said in this thread, and whether an assertion failed: a card is stepped by one thread at a time.
thread_local std::string said;
thread_local bool stopped = false;
}  // namespace

extern "C" int silico_rtl_print(const char* format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (said.size() < 4096) said += line;
    return length;
}

void vl_stop(const char* filename, int line, const char*) {
    stopped = true;
    if (said.empty()) said = std::string(filename) + ":" + std::to_string(line) + ": $stop";
}

void vl_fatal(const char* filename, int line, const char*, const char* message) {
    stopped = true;
    said += std::string(filename) + ":" + std::to_string(line) + ": " + message;
}

namespace silico {
namespace {

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

template <typename Top, unsigned Words, unsigned Channels, unsigned Outputs>
class CardOf final : public Card {
   public:
    CardOf() : top_{&context_} {
        top_.clk_i = 0;
        top_.eval();
    }
    ~CardOf() override { top_.final(); }

    bool step(const In& input, Out& output) override {
        top_.rst_ni = !input.power_on;
        top_.pcie_reset_i = input.reset;
        top_.link_up_i = input.link_up;
        top_.rx_valid_i = input.rx_valid;
        if (input.rx_valid) {
            top_.rx_sop_i = input.rx_sop;
            top_.rx_eop_i = input.rx_eop;
            top_.rx_discard_i = input.rx_discard;
            top_.rx_digest_i = input.rx_digest;
            top_.rx_bytes_i = input.rx_bytes;
            for (unsigned i = 0; i < 4; i++) top_.rx_header_i[i] = input.rx_header[i];
            for (unsigned i = 0; i < Words; i++) top_.rx_data_i[i] = input.rx_data[i];
        }
        top_.tx_ready_i = input.tx_ready;
        for (unsigned i = 0; i < 3; i++) put(top_.credits_i, 22 * i, 22, input.credits[i]);
        top_.front_valid_i = input.front_valid & ((1u << Channels) - 1);
        if (input.front_valid) {
            top_.front_last_i = input.front_last & ((1u << Channels) - 1);
            top_.front_error_i = input.front_error & ((1u << Channels) - 1);
            for (unsigned i = 0; i < Channels; i++) {
                if (!(input.front_valid >> i & 1)) continue;
                put(top_.front_bytes_i, 7 * i, 7, input.front_bytes[i]);
                put(top_.front_source_i, 16 * i, 16, input.front_source[i]);
                for (unsigned j = 0; j < Words; j++) put(top_.front_data_i, 32 * (Words * i + j), 32, input.front_data[16 * i + j]);
            }
        }
        top_.out_ready_i = input.out_ready & ((1u << Outputs) - 1);
        top_.clk_i = 1;
        top_.eval();
        top_.clk_i = 0;
        top_.eval();
        output.tx_valid = top_.tx_valid_o;
        if (output.tx_valid) {
            output.tx_sop = top_.tx_sop_o;
            output.tx_eop = top_.tx_eop_o;
            output.tx_bytes = top_.tx_bytes_o;
            output.tx_digest = top_.tx_digest_o;
            for (unsigned i = 0; i < 4; i++) output.tx_header[i] = top_.tx_header_o[i];
            for (unsigned i = 0; i < Words; i++) output.tx_data[i] = top_.tx_data_o[i];
        }
        output.rx_ready = top_.rx_ready_o;
        for (unsigned i = 0; i < 3; i++) output.credits[i] = get(top_.credits_o, 22 * i, 22);
        output.front_ready = top_.front_ready_o;
        output.front_busy = top_.front_busy_o;
        output.out_valid = top_.out_valid_o;
        if (output.out_valid) {
            output.out_last = top_.out_last_o;
            output.out_error = top_.out_error_o;
            for (unsigned i = 0; i < Outputs; i++) {
                if (!(output.out_valid >> i & 1)) continue;
                output.out_bytes[i] = get(top_.out_bytes_o, 7 * i, 7);
                output.out_source[i] = get(top_.out_source_o, 16 * i, 16);
                for (unsigned j = 0; j < Words; j++) output.out_data[16 * i + j] = get(top_.out_data_o, 32 * (Words * i + j), 32);
            }
        }
        const bool failed = stopped;
        stopped = false;
        return failed;
    }

    bool coverage(rust::Str path) const override {
#if VM_COVERAGE
        context_.coveragep()->write(std::string(path).c_str());
        return true;
#else
        static_cast<void>(path);
        return false;
#endif
    }

   private:
    VerilatedContext context_;
    Top top_;
};

}  // namespace

std::unique_ptr<Card> make(rust::Str variant) {
#include "make.inc"
    return nullptr;
}

rust::String take_said() {
    rust::String text = rust::String::lossy(said);
    said.clear();
    return text;
}

}  // namespace silico
