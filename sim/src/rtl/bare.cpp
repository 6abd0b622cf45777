// What a C++ testbench would do at best: the stimulus lies ready in the ports' own types, and the loop sets them and evaluates. No use but to be timed.
#include "bare.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "ports.h"
#include "variants.h"

namespace silico {
namespace {

// A clock's inputs, as the card has them.
template <typename Top>
struct Inputs {
#define SILICO_INPUTS(X)                                                                                                                  \
    X(rst_ni) X(pcie_reset_i) X(link_up_i) X(rx_valid_i) X(rx_sop_i) X(rx_eop_i) X(rx_discard_i) X(rx_digest_i) X(rx_header_i) X(rx_bytes_i) \
    X(rx_data_i) X(tx_ready_i) X(credits_i) X(front_valid_i) X(front_last_i) X(front_error_i) X(front_source_i) X(front_bytes_i)           \
    X(front_data_i) X(out_ready_i)
#define SILICO_FIELD(port) std::remove_reference_t<decltype(Top::port)> port;
    SILICO_INPUTS(SILICO_FIELD)
#undef SILICO_FIELD
    // Whether any of them differs from those of the clock before.
    bool changed;

    void show(Top& top) const {
#define SILICO_SET(port) top.port = port;
        SILICO_INPUTS(SILICO_SET)
#undef SILICO_SET
    }
#undef SILICO_INPUTS
};

template <typename Top, unsigned Words, unsigned Channels, unsigned Outputs>
class BareOf final : public Bare {
   public:
    BareOf() : top_{alone(context_)} {
        top_.clk_i = 0;
        top_.eval();
    }
    ~BareOf() override {
        part(context_);
        top_.final();
    }

    void add(const In& input) override {
        // Ports whose `valid` is low stay as they were, as those of a card do.
        Inputs<Top> next = clocks_.empty() ? Inputs<Top>{} : clocks_.back();
        // The first of them comes after power-on, and is new.
        next.changed = drive<Words, Channels, Outputs>(next, input) || clocks_.empty();
        clocks_.push_back(next);
    }

    void power_on() override {
        const Inputs<Top> off{};
        off.show(top_);
        tick(top_, true, false);
    }

    void run(std::size_t from, std::size_t to, bool plain) override {
        to = std::min(to, clocks_.size());
        if (plain) {
            for (std::size_t clock = from; clock < to; clock++) {
                clocks_[clock].show(top_);
                tick(top_, true, true);
            }
            return;
        }
        for (std::size_t clock = from; clock < to; clock++) {
            clocks_[clock].show(top_);
            tick(top_, clocks_[clock].changed, false);
        }
    }

    void shown(Out& output) const override { read<Words, Channels, Outputs>(top_, output); }

   private:
    VerilatedContext context_;
    Top top_;
    std::vector<Inputs<Top>> clocks_;
};

}  // namespace

std::unique_ptr<Bare> make_bare(rust::Str variant) {
#define CardOf BareOf
#include "make.inc"
#undef CardOf
    return nullptr;
}

}  // namespace silico
