// What operating systems do all the time, on one PE.
#include "board.h"

extern const char calls_of_el0[];
extern u64 space_a[], space_b[], window_a_pages[], window_b_pages[];

enum { USER = 0x80000000u /* from RAM to the address where EL0 sees it */, PAGES = 8, WORDS = 512 };
static u64 *const WINDOW = (u64 *)(4ull << 30);

static u64 svc(void *mem, u64 rounds) {
    (void)mem;
    for (u64 n = rounds; n; n--)
        asm volatile("svc #0" : : : "x16", "x17", "cc", "memory");
    return rounds;
}

static u64 svc_of_el0(void *mem, u64 rounds) {
    (void)mem;
    // Through a register that the call leaves alone, since x30 brings it back.
    asm volatile("mov x0, %0\n mov x1, %1\n bl run_at_el0"
                 :
                 : "r"((u64)calls_of_el0 + USER), "r"(rounds)
                 : "x0", "x1", "x2", "x3", "x16", "x17", "x30", "cc", "memory");
    return rounds;
}

static NOINLINE u64 leaf(u64 x) {
    asm volatile("");
    return x + 1;
}

static u64 call(void *mem, u64 rounds) {
    (void)mem;
    u64 x = 0;
    for (u64 n = 0; n < rounds; n += 4) {
        x = leaf(x);
        x = leaf(x);
        x = leaf(x);
        x = leaf(x);
    }
    return x;
}

static u64 plus_1(u64 x) { return x + 1; }
static u64 plus_3(u64 x) { return x + 3; }
static u64 twice(u64 x) { return x * 2; }
static u64 flip(u64 x) { return ~x; }

static u64 call_indirect(void *mem, u64 rounds) {
    (void)mem;
    u64 (*volatile functions[4])(u64) = {plus_1, plus_3, twice, flip};
    u64 x = 0;
    for (u64 n = 0; n < rounds; n++)
        x = functions[n % 4](x);
    return x;
}

static u64 mmio(void *mem, u64 rounds) {
    (void)mem;
    u64 full = 0;
    for (u64 n = 0; n < rounds; n++)
        full += mmio_read(UART_FLAGS) >> 5 & 1; // the transmit FIFO, which these emulators drain at once
    return full;
}

static void fill_windows(void) {
    for (u64 n = 0; n < PAGES * WORDS; n++)
        window_a_pages[n] = n, window_b_pages[n] = 3 * n;
}

// Goes to the other address space with another of `spaces` ASIDs, and reads each of its pages.
static inline u64 switched(u64 rounds, u64 spaces) {
    u64 sum = 0;
    fill_windows();
    for (u64 n = 0; n < rounds; n++) {
        WRITE(ttbr0_el1, (u64)(n & 1 ? space_b : space_a) | (1 + n % spaces) << 48);
        ISB();
        for (u64 page = 0; page < PAGES; page++)
            sum += *(volatile u64 *)&WINDOW[page * WORDS + n % WORDS];
    }
    WRITE(ttbr0_el1, space_a);
    ISB();
    return sum;
}

static u64 asid_2(void *mem, u64 rounds) {
    (void)mem;
    return switched(rounds, 2);
}

static u64 asid_64(void *mem, u64 rounds) {
    (void)mem;
    return switched(rounds, 64);
}

static u64 tlbi_page(void *mem, u64 rounds) {
    (void)mem;
    u64 sum = 0;
    fill_windows();
    for (u64 n = 0; n < rounds; n++) {
        u64 page = n % PAGES;
        asm volatile("tlbi vaae1is, %0\n dsb ish" : : "r"((u64)&WINDOW[page * WORDS] >> 12) : "memory");
        sum += *(volatile u64 *)&WINDOW[page * WORDS + 7];
    }
    return sum;
}

static const struct bench benches[] = {
    {"svc-eret", svc, 5000},
    {"svc-eret-el0", svc_of_el0, 5000},
    {"call-return", call, 200000},
    {"call-indirect", call_indirect, 100000},
    {"mmio-read", mmio, 20000},
    {"asid-switch-2", asid_2, 1000},
    {"asid-switch-64", asid_64, 1000},
    {"tlbi-page", tlbi_page, 5000},
    {0},
};

void run(void) {
    for (const struct bench *b = benches; b->name; b++)
        bench(b, memory_of(0));
}
