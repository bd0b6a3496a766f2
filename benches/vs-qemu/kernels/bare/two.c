// Two PEs: the same work on one, while the other sleeps, and on both.
#include "board.h"

extern const struct bench integer_benches[];

// A host's scheduler may wake the second PE's thread where the first one's runs, and move it some milliseconds later.
#ifdef SMOKE
enum { LONGER = 1 };
#else
enum { LONGER = 10 };
#endif

// The second PE does `work` when `asked` is another than `done`, which its start makes 1.
static volatile u64 done, asked = 1;
static const struct bench *volatile work;
static volatile u64 sum_of_second;

void secondary(void) {
    gic_this_pe(1);
    done = 1;
    for (;;) {
        // Masked, so that an interrupt that comes before WFI ends it and is not taken before it.
        mask();
        if (asked == done)
            asm volatile("wfi" : : : "memory");
        unmask();
        ISB();
        if (asked != done) {
            sum_of_second = work->run(memory_of(1), work->rounds * LONGER);
            asm volatile("dmb ish" : : : "memory");
            done = asked;
        }
    }
}

static void wake_second(void) {
    asm volatile("dsb ish" : : : "memory");
    WRITE(icc_sgi1r_el1, 2); // INTID 0, counted by nobody
}

static u64 alone(void *mem, u64 rounds) {
    return work->run(mem, rounds);
}

// Each PE does all rounds: with two host CPUs to run on it takes as long as `alone`.
static u64 together(void *mem, u64 rounds) {
    asked = done + 1;
    wake_second();
    u64 sum = work->run(mem, rounds);
    while (done != asked)
        ;
    asm volatile("dmb ish" : : : "memory");
    return sum == sum_of_second ? sum : ~sum;
}

void run(void) {
    gic_distributor();
    gic_this_pe(0);
    start_second_pe();
    while (!done)
        ;
    for (const struct bench *b = integer_benches; b->name; b++) {
        char one[32] = "pe1-", two[32] = "pe2-";
        for (u32 n = 0; b->name[n]; n++)
            one[n + 4] = two[n + 4] = b->name[n];
        work = b;
        const struct bench single = {one, alone, b->rounds * LONGER}, both = {two, together, b->rounds * LONGER};
        bench(&single, memory_of(0));
        bench(&both, memory_of(0));
    }
}
