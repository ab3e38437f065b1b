// Drives the serial line of a board in Verilator bit by bit, and reads the replies.
//
// The board has the ports clk, uart_rx (from the host) and uart_tx (to the host). Times of the line
// are in 1/65536 of a clock cycle, so that the baud rate of the host can differ slightly from that
// of the board, as on a real line.
#include <cstdint>
#include <deque>
#include <vector>
#include "Vcore.h"
#include "verilated.h"

namespace {

constexpr int64_t CYCLE = 65536;

// A level that the host drives for some time.
struct Segment {
    bool level;
    int64_t time;
};

struct Received {
    uint16_t value;  // a byte; with bit 8, one whose stop bit was missing
    int64_t cycle;   // middle of its stop bit
};

struct Board {
    VerilatedContext context;
    Vcore core{&context};
    int64_t bit;
    int64_t cycle = 0;
    int64_t active = 0;  // last cycle in which either line was not idle
    std::deque<Segment> sending;
    int64_t edge = 0;    // end of the segment that is being sent
    bool idle = true;    // no segment is being sent
    std::vector<Received> received;
    int64_t sample = 0;  // time at which the next bit of the board is sampled
    int bits = -1;       // sampled bits of a byte, including the start bit; -1: none
    bool broken = false; // a stop bit was missing, and the line is not yet idle again
    uint16_t byte = 0;

    Board(int64_t bit, int count, const char* const* arguments) : bit(bit) {
        context.commandArgs(count, const_cast<char**>(arguments));
        core.clk = 0;
        core.uart_rx = 1;
        core.eval();
    }

    void push(bool level, int64_t time) { sending.push_back({level, time}); }

    // The level of the host's line in the coming cycle.
    void drive() {
        const int64_t now = cycle * CYCLE;
        if (idle) {
            if (sending.empty()) return;
            idle = false;
            edge = now;
        }
        active = cycle;
        while (edge <= now) {
            if (sending.empty()) {
                core.uart_rx = 1;
                idle = true;
                return;
            }
            core.uart_rx = sending.front().level;
            edge += sending.front().time;
            sending.pop_front();
        }
    }

    void listen() {
        const bool line = core.uart_tx;
        const int64_t now = cycle * CYCLE;
        if (bits < 0) {
            if (broken) broken = !line;
            else if (!line) {
                bits = 0;
                byte = 0;
                sample = now + bit / 2;
            }
            if (!line) active = cycle;
            return;
        }
        active = cycle;
        if (now < sample) return;
        sample += bit;
        if (bits == 0 && line) bits = -1;  // a spike
        else if (bits == 9) {
            received.push_back({static_cast<uint16_t>(byte | (line ? 0 : 256)), cycle});
            broken = !line;
            bits = -1;
        } else {
            if (bits > 0) byte |= static_cast<uint16_t>(line) << (bits - 1);
            ++bits;
        }
    }

    void step() {
        drive();
        core.clk = 1;
        core.eval();
        core.clk = 0;
        core.eval();
        listen();
        ++cycle;
    }
};

}  // namespace

extern "C" {

// The arguments are those of a program: its name, then +name=value for $value$plusargs.
Board* board_new(int64_t bit, int count, const char* const* arguments) {
    return new Board(bit, count, arguments);
}

void board_delete(Board* board) {
    board->core.final();
    delete board;
}

// Queue bytes; stop = 0 replaces the stop bit of each by a 0, followed by one bit of idle line.
void board_send(Board* board, const uint8_t* data, int64_t count, int stop) {
    for (int64_t k = 0; k < count; ++k) {
        board->push(false, board->bit);
        for (int b = 0; b < 8; ++b) board->push(data[k] >> b & 1, board->bit);
        board->push(stop != 0, board->bit);
        if (!stop) board->push(true, board->bit);
    }
}

// Queue a level for some cycles: low is a break, high is silence.
void board_hold(Board* board, int level, int64_t cycles) {
    board->push(level != 0, cycles * CYCLE);
}

// Discard all queued levels, and drive the line low for some cycles.
void board_cut(Board* board, int64_t low) {
    board->sending.clear();
    board->edge = board->cycle * CYCLE;
    board->push(false, low * CYCLE);
}

// Run for at most ``cycles`` cycles, until ``bytes`` bytes are waiting, or until both lines were idle
// for ``quiet`` cycles. Returns the number of cycles run.
int64_t board_run(Board* board, int64_t cycles, int64_t bytes, int64_t quiet) {
    const int64_t begin = board->cycle, end = begin + cycles;
    while (board->cycle < end && static_cast<int64_t>(board->received.size()) < bytes
           && (!board->idle || !board->sending.empty() || board->cycle - board->active < quiet))
        board->step();
    return board->cycle - begin;
}

int64_t board_cycle(const Board* board) { return board->cycle; }

// Cycles for which both lines have been idle; 0 while the host sends.
int64_t board_quiet(const Board* board) {
    return board->idle && board->sending.empty() ? board->cycle - board->active : 0;
}

int64_t board_waiting(const Board* board) {
    return static_cast<int64_t>(board->received.size());
}

// Move the received bytes and their cycles to the arrays, which have board_waiting() elements.
void board_take(Board* board, uint16_t* values, int64_t* cycles) {
    for (const Received& one : board->received) {
        *values++ = one.value;
        *cycles++ = one.cycle;
    }
    board->received.clear();
}

}  // extern "C"
