// The board: console, clock, GIC, PEs.
#include "board.h"

static char memories[2][MEMORY] __attribute__((aligned(4096)));

void *memory_of(u64 pe) {
    return memories[pe];
}

u64 now(void) {
    ISB();
    return READ(cntvct_el0);
}

u64 ticks_per_second(void) {
    return READ(cntfrq_el0);
}

void put(const char *text) {
    while (*text)
        mmio_write(UART, *text++);
}

static void put_hex(u64 value) {
    char text[17] = {0};
    for (int n = 15; n >= 0; n--, value >>= 4)
        text[n] = "0123456789abcdef"[value & 15];
    put(text);
}

void report_exception(u64 esr, u64 elr, u64 far) {
    put("FAILED exception, esr ");
    put_hex(esr);
    put(" elr ");
    put_hex(elr);
    put(" far ");
    put_hex(far);
    put("\n");
}

// IHI 0069: one security state, so all interrupts of Group 1 are IRQs here.
void gic_distributor(void) {
    mmio_write(GICD, 1 << 4 | 1 << 1); // GICD_CTLR: ARE, EnableGrp1
}

void gic_this_pe(u64 pe) {
    u64 redist = GICR + pe * 0x20000, sgi = redist + 0x10000;
    mmio_write(redist + 0x14, 0); // GICR_WAKER: not asleep
    while (mmio_read(redist + 0x14) & 4)
        ;
    mmio_write(sgi + 0x80, ~0u);               // GICR_IGROUPR0
    mmio_write(sgi + 0x100, 1u << 27 | 0xffff); // GICR_ISENABLER0: the virtual timer, SGIs
    for (u64 n = 0; n < 32; n += 4)
        mmio_write(sgi + 0x400 + n, 0x80808080); // GICR_IPRIORITYR
    WRITE(icc_sre_el1, READ(icc_sre_el1) | 1);
    ISB();
    WRITE(icc_pmr_el1, 0xff);
    WRITE(icc_igrpen1_el1, 1);
    ISB();
}

void start_second_pe(void) {
    if (psci(0xc4000003, 1, (u64)start_secondary, 0)) // CPU_ON
        put("FAILED there is no second PE\n");
}

// GCC may ask for these where it copies a structure.
void *memcpy(void *to, const void *from, unsigned long n) {
    for (char *t = to; n--;)
        *t++ = *(const char *)from++;
    return to;
}

void *memset(void *to, int value, unsigned long n) {
    for (char *t = to; n--;)
        *t++ = value;
    return to;
}

__attribute__((weak)) void secondary(void) {
}

void main(void) {
    run();
    put("END\n");
}
