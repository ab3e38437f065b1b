// Drives the AXI4-Stream ports of a verilated core with whole arrays.
//
// Compiled with the model: IN_BYTES, OUT_BYTES (bytes of a word), IN_WORDS (words of a frame),
// and taps.inc, a list of TAP(index, valid, ready, payload, bytes) and MARK(index, level).
#include <cstdint>
#include <cstring>
#include "Vcore.h"
#include "Vcore___024root.h"
#include "verilated.h"

namespace {

// Stalls have to be random, cheap and the same everywhere.
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
    int64_t* in_cycles;   // cycle in which each input word was taken
    int64_t* out_cycles;  // cycle in which each output word was taken
    uint8_t* out_last;    // tlast of each output word
    Tap* taps;
    int64_t* marks;       // result: the highest and the last value of each level
    int64_t pace;         // cycles a frame at which input words are offered evenly; 0: at once
    uint64_t seed;
    uint32_t in_stall;   // chance of an idle cycle before a word, in 1/65536
    uint32_t out_stall;  // chance of a cycle without ready, in 1/65536
    int64_t patience;    // give up after so many cycles without a transfer
    int64_t cycles;      // result: cycles run
    int64_t in_done;     // result: input words taken
    int64_t out_done;    // result: output words taken
    uint8_t frame_error; // result: the pin of that name at the end
};

// 0: all words came out. 1: the core fell silent.
int bnnhw_run(Job* job) {
    VerilatedContext context;
    Vcore core{&context};
    auto* root = core.rootp;
    (void)root;
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

    Random in_random{job->seed * 2 + 1}, out_random{job->seed * 2 + 0x9e3779b97f4a7c15ull};
    int64_t cycle = 0, quiet = 0, sent = 0, received = 0;
    bool offered = false;
    while (received < job->out_words && quiet < job->patience) {
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
        ++cycle;
    }
    core.eval();
    job->cycles = cycle;
    job->in_done = sent;
    job->out_done = received;
    job->frame_error = core.frame_error;
    core.final();
    return received < job->out_words;
}

}  // extern "C"
