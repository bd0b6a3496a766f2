// What a set of kernels is: rows of a table, each a function that does the same work whenever it is called.
//
// Built three ways from the same text: bare metal on arm64 (bare/), a program of the host (native.c), and
// for linux.c a program of a guest's Linux. Each prints `ROW name ns-per-round checksum`.
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define NOINLINE __attribute__((noinline))
// Bytes of memory that a kernel is given for its own.
#define MEMORY (1u << 20)

struct bench {
    const char *name;
    // Does `rounds` rounds in `mem`, which holds anything; gives a number that depends on all of the work.
    u64 (*run)(void *mem, u64 rounds);
    // Some milliseconds of them: among short repetitions one finds a host at rest, for a slow emulator too.
    u64 rounds;
};

// Repeats `b` for a while and prints its row: the fastest repetition, so that compiling, waking up and what
// else the host does are not in it.
void bench(const struct bench *b, void *mem);

// For rows that are timed in their own way: `ticks` for `rounds` rounds.
void row(const char *name, u64 ticks, u64 rounds, u64 checksum);

// What the place where kernels run provides.
u64 now(void);
u64 ticks_per_second(void);
void put(const char *text);

// Numbers without a pattern, the same everywhere (Numerical Recipes' quick generator).
static inline u32 next_random(u32 *state) {
    return *state = *state * 1664525u + 1013904223u;
}

#endif
