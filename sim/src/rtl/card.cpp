// The variants of the Verilated card.
#include "card.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>

#include "counting.h"
#include "ports.h"
#include "state.h"
#include "variants.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif
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

#if VM_TRACE
// A VCD file that stays in memory until somebody takes it.
class Text final : public VerilatedVcdFile {
   public:
    bool open(const std::string&) override { return true; }
    void close() override {}
    ssize_t write(const char* bytes, ssize_t count) override {
        text.append(bytes, static_cast<std::size_t>(count));
        return count;
    }

    std::string text;
};
#endif

template <typename Top, unsigned Words, unsigned Channels, unsigned Outputs>
class CardOf final : public Card {
   public:
    CardOf() : top_{prepared(context_)} {
        top_.clk_i = 0;
        top_.eval();
    }
    ~CardOf() override {
        part(context_);
        top_.final();
#if VM_TRACE
        if (open_) vcd_.close();
#endif
    }

    bool step(const In& input, Out& output) override {
        tick(top_, drive<Words, Channels, Outputs>(top_, input), false);
        read<Words, Channels, Outputs>(top_, output);
        const bool failed = stopped;
        stopped = false;
        return failed;
    }

    rust::String inside() override {
#if VM_TRACE
        open();
        return rust::String::lossy(declared_);
#else
        return {};
#endif
    }

    void look(const In& input, rust::Vec<uint8_t>& changes) override {
#if VM_TRACE
        open();
        // The clock is low: what lies between the inputs and the rising edge settles, and the step that follows finds it so.
        inputs_changed(top_.rootp, drive<Words, Channels, Outputs>(top_, input));
        top_.eval();
        vcd_.dump(looks_++);
        vcd_.flush();
        for (const char byte : file_.text) changes.push_back(static_cast<uint8_t>(byte));
        file_.text.clear();
#else
        static_cast<void>(input);
        static_cast<void>(changes);
#endif
    }

    std::size_t size() const override {
        Counted counted;
        counted << top_;
        return counted.size();
    }

    void save(rust::Slice<uint8_t> into) const override {
        Saved saved{into};
        saved << top_;
    }

    void load(rust::Slice<const uint8_t> from) override {
        Loaded loaded{from};
        loaded >> top_;
    }

    void counters(rust::Vec<uint64_t>& into) const override {
        Counting<Top>::each(top_.rootp, [&into](const auto& counter) {
            for (std::size_t lane = 0; lane < lanes(counter); lane++) into.push_back(lane_of(counter, lane));
        });
    }

    void count(rust::Slice<const uint64_t> values) override {
        auto value = values.begin();
        Counting<Top>::each(top_.rootp, [&value](auto& counter) {
            for (std::size_t lane = 0; lane < lanes(counter); lane++) set_lane(counter, lane, *value++);
        });
        Counting<Top>::settle(top_.rootp);
    }

    bool coverage(rust::Str path) override {
#if VM_COVERAGE
        context_.coveragep()->write(std::string(path).c_str());
        return true;
#else
        static_cast<void>(path);
        return false;
#endif
    }

   private:
    static VerilatedContext* prepared(VerilatedContext& context) {
#if VM_TRACE
        context.traceEverOn(true);
#endif
        return alone(context);
    }

#if VM_TRACE
    void open() {
        if (open_) return;
        open_ = true;
        top_.trace(&vcd_, 99);
        vcd_.open("inside");
        vcd_.flush();
        declared_.swap(file_.text);
    }
#endif

    VerilatedContext context_;
    // Verilator's serialization takes no constant card, and changes none.
    mutable Top top_;
#if VM_TRACE
    Text file_;
    VerilatedVcdC vcd_{&file_};
    std::string declared_;
    uint64_t looks_ = 0;
    bool open_ = false;
#endif
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
