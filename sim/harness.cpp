// Drives the AXI4-Stream ports of a verilated core with arrays of many words, some cycles per call, so that
// the caller can show progress and stop. A run is the same for any number of cycles per call.
//
// Compiled with the model: IN_BYTES, OUT_BYTES (bytes of a word), IN_WORDS (words of a frame),
// and taps.inc, a list of TAP(index, valid, ready, payload, bytes) and MARK(index, level).
#include <cstdint>
#include <cstring>
#include "Vcore.h"
#include "Vcore___024root.h"
#include "verilated.h"

namespace {

// A fast generator for stalls, with the same sequence on every platform.
struct Random {
    uint64_t state;
    bool hit(uint32_t per_65536) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return ((state >> 24) & 65535) < per_65536;
    }
};

}  // namespace

extern "C" {

struct Tap {
    uint8_t* words;
    int64_t count;
    int64_t limit;
};

struct Job {
    const uint8_t* in;
    int64_t in_words;
    uint8_t* out;
    int64_t out_words;
    int64_t* in_cycles;   // cycle in which each input word was transferred
    int64_t* out_cycles;  // cycle in which each output word was transferred
    uint8_t* out_last;    // tlast of each output word
    Tap* taps;
    int64_t* marks;       // result: the highest and the last value of each level
    int64_t pace;         // cycles per frame at which input words are offered evenly; 0: at once
    uint64_t seed;
    uint32_t in_stall;   // chance of an idle cycle before a word, in 1/65536
    uint32_t out_stall;  // chance of a cycle without ready, in 1/65536
    int64_t patience;    // limit on cycles without a transfer
    int64_t cycles;      // result: cycles run
    int64_t in_done;     // result: transferred input words
    int64_t out_done;    // result: transferred output words
    uint8_t frame_error; // result: level of the pin frame_error at the end
};

}  // extern "C"

namespace {

// State of a run between two calls.
struct Run {
    Job* job;
    VerilatedContext context;
    Vcore core{&context};
    Random in_random, out_random;
    int64_t quiet = 0;
    bool offered = false;

    explicit Run(Job* given)
        : job{given},
          in_random{given->seed * 2 + 1},
          out_random{given->seed * 2 + 0x9e3779b97f4a7c15ull} {
        core.clk = 0;
        core.rst = 1;
        core.s_axis_tvalid = 0;
        core.s_axis_tlast = 0;
        core.m_axis_tready = 0;
        for (int k = 0; k < 2; ++k) {
            core.eval();
            core.clk = 1;
            core.eval();
            core.clk = 0;
        }
        core.rst = 0;
        job->cycles = job->in_done = job->out_done = 0;
    }

    bool complete() const { return job->out_done >= job->out_words; }
    bool ended() const { return complete() || quiet >= job->patience; }

    void cycle(int64_t cycle);
};

void Run::cycle(int64_t cycle) {
    auto* root = core.rootp;
    (void)root;
    int64_t &sent = job->in_done, &received = job->out_done;
    const int64_t due = sent / IN_WORDS * job->pace + sent % IN_WORDS * job->pace / IN_WORDS;
    if (!offered && sent < job->in_words && cycle >= due && !in_random.hit(job->in_stall)) {
        std::memcpy(&core.s_axis_tdata, job->in + sent * IN_BYTES, IN_BYTES);
        core.s_axis_tlast = (sent + 1) % IN_WORDS == 0;
        offered = true;
    }
    core.s_axis_tvalid = offered;
    core.m_axis_tready = !out_random.hit(job->out_stall);
    core.eval();
    ++quiet;
    if (offered && core.s_axis_tready) {
        job->in_cycles[sent++] = cycle;
        offered = false;
        quiet = 0;
    }
    if (core.m_axis_tvalid && core.m_axis_tready) {
        std::memcpy(job->out + received * OUT_BYTES, &core.m_axis_tdata, OUT_BYTES);
        job->out_last[received] = core.m_axis_tlast;
        job->out_cycles[received++] = cycle;
        quiet = 0;
    }
#define TAP(index, valid, ready, payload, bytes)                                       \
    if (root->valid && root->ready && job->taps[index].count < job->taps[index].limit) \
        std::memcpy(job->taps[index].words + bytes * job->taps[index].count++,         \
                    &root->payload, bytes);
#define MARK(index, level) \
    job->marks[2 * index + 1] = root->level;                                           \
    if (job->marks[2 * index + 1] > job->marks[2 * index])                             \
        job->marks[2 * index] = job->marks[2 * index + 1];
#include "taps.inc"
#undef TAP
#undef MARK
    core.clk = 1;
    core.eval();
    core.clk = 0;
}

}  // namespace

extern "C" {

Run* bnnhw_begin(Job* job) { return new Run{job}; }

// Runs at most ``cycles`` cycles. Returns 0 if all output words were transferred, 1 if no transfer
// happened for ``patience`` cycles, and 2 if the run is not finished.
int bnnhw_step(Run* run, int64_t cycles) {
    int64_t& cycle = run->job->cycles;
    for (const int64_t stop = cycle + cycles; cycle < stop && !run->ended(); ++cycle)
        run->cycle(cycle);
    return run->complete() ? 0 : run->ended() ? 1 : 2;
}

void bnnhw_end(Run* run) {
    run->core.eval();
    run->job->frame_error = run->core.frame_error;
    run->core.final();
    delete run;
}

}  // extern "C"
