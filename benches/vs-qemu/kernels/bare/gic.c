// Interrupts: to this PE by itself, and to a second one that answers.
#include "board.h"

// An edge-triggered SPI, to PE 0.
enum { SPI = 72 };

// The second PE waits for interrupts in a loop, or asleep.
static volatile u64 started, sleeps;

void secondary(void) {
    gic_this_pe(1);
    started = 1;
    for (;;) {
        // Masked, so that an interrupt that comes before WFI ends it and is not taken before it.
        mask();
        if (sleeps)
            asm volatile("wfi" : : : "memory");
        unmask();
        ISB();
        while (!sleeps)
            ;
    }
}

static void gic_spi(void) {
    u64 word = GICD + 4 * (SPI / 32);
    mmio_write(word + 0x80, 1u << SPI % 32);                                     // GICD_IGROUPR
    mmio_write(GICD + 0xc00 + 4 * (SPI / 16), 2u << 2 * (SPI % 16));             // GICD_ICFGR
    mmio_write(GICD + 0x400 + SPI, 0x80808080);                                  // GICD_IPRIORITYR
    mmio_write(GICD + 0x6000 + 8 * SPI, 0), mmio_write(GICD + 0x6004 + 8 * SPI, 0); // GICD_IROUTER
    mmio_write(word + 0x100, 1u << SPI % 32);                                    // GICD_ISENABLER
}

static u64 sgi_to_self(void *mem, u64 rounds) {
    (void)mem;
    u64 before = interrupts;
    for (u64 n = 1; n <= rounds; n++) {
        WRITE(icc_sgi1r_el1, 1); // target list: this PE; INTID 0
        while (interrupts != before + n)
            ;
    }
    return interrupts - before;
}

static u64 spi_set_pending(void *mem, u64 rounds) {
    (void)mem;
    u64 before = interrupts;
    for (u64 n = 1; n <= rounds; n++) {
        mmio_write(GICD + 0x200 + 4 * (SPI / 32), 1u << SPI % 32); // GICD_ISPENDR
        while (interrupts != before + n)
            ;
    }
    return interrupts - before;
}

static u64 pmr(void *mem, u64 rounds) {
    (void)mem;
    for (u64 n = 0; n < rounds; n += 2) {
        WRITE(icc_pmr_el1, 0xe0);
        WRITE(icc_pmr_el1, 0xf0);
    }
    return READ(icc_pmr_el1) + rounds;
}

static u64 timer(void *mem, u64 rounds) {
    (void)mem;
    u64 before = interrupts;
    for (u64 n = 1; n <= rounds; n++) {
        WRITE(cntv_tval_el0, 0); // due at once
        WRITE(cntv_ctl_el0, 1);
        while (interrupts != before + n)
            ;
    }
    return interrupts - before;
}

// Arms a timer for later and disarms it, as a kernel does at most of its timer changes.
static u64 timer_set(void *mem, u64 rounds) {
    (void)mem;
    for (u64 n = 1; n <= rounds; n++) {
        WRITE(cntv_cval_el0, READ(cntvct_el0) + 1000000000);
        WRITE(cntv_ctl_el0, 1);
    }
    WRITE(cntv_ctl_el0, 0);
    return rounds;
}

static u64 ping(void *mem, u64 rounds) {
    (void)mem;
    u64 before = interrupts;
    for (u64 n = 1; n <= rounds; n++) {
        WRITE(icc_sgi1r_el1, 1ull << 24 | 2); // INTID 1; target list: PE 1, which answers
        while (interrupts != before + n)
            ;
    }
    return interrupts - before;
}

static const struct bench benches[] = {
    {"sgi-self", sgi_to_self, 2000},
    {"spi-set-pending", spi_set_pending, 2000},
    {"timer-interrupt", timer, 1000},
    {"timer-set", timer_set, 5000},
    {"pmr-write", pmr, 20000},
    {0},
};

void run(void) {
    static const struct bench spin = {"sgi-peer", ping, 200}, sleep = {"sgi-peer-asleep", ping, 200};
    gic_distributor();
    gic_this_pe(0);
    gic_spi();
    unmask();
    for (const struct bench *b = benches; b->name; b++)
        bench(b, memory_of(0));
    start_second_pe();
    while (!started)
        ;
    bench(&spin, 0);
    sleeps = 1;
    bench(&sleep, 0);
    mask();
}
