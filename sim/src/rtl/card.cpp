// The variants of the Verilated card.
#include "card.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>

#include "ports.h"
#include "variants.h"
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

template <typename Top, unsigned Words, unsigned Channels, unsigned Outputs>
class CardOf final : public Card {
   public:
    CardOf() : top_{&context_} {
        top_.clk_i = 0;
        top_.eval();
    }
    ~CardOf() override { top_.final(); }

    bool step(const In& input, Out& output) override {
        tick(top_, drive<Words, Channels, Outputs>(top_, input), false);
        read<Words, Channels, Outputs>(top_, output);
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
