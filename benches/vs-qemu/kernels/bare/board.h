// The `virt` board as the kernels use it.
#ifndef BOARD_H
#define BOARD_H

#include "../bench.h"

// Interrupts that start.S counts, of all PEs.
extern volatile u64 interrupts;

u64 psci(u64 function, u64 a, u64 b, u64 c);
void start_secondary(void);
// What an image is for, on the PE that it starts on.
void run(void);
// What the second PE does; started by `start_second_pe`.
void secondary(void);
void start_second_pe(void);
// The distributor once, then each PE its own redistributor and interface; SGIs and the virtual timer.
void gic_distributor(void);
void gic_this_pe(u64 pe);
// Memory for a PE's kernels.
void *memory_of(u64 pe);

#define READ(reg) ({ u64 value; asm volatile("mrs %0, " #reg : "=r"(value) : : "memory"); value; })
#define WRITE(reg, value) asm volatile("msr " #reg ", %x0" : : "rZ"((u64)(value)) : "memory")
#define ISB() asm volatile("isb" : : : "memory")
static inline void unmask(void) { asm volatile("msr daifclr, #2" : : : "memory"); }
static inline void mask(void) { asm volatile("msr daifset, #2" : : : "memory"); }

static inline u32 mmio_read(u64 address) {
    u32 value;
    asm volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static inline void mmio_write(u64 address, u32 value) {
    asm volatile("str %w0, [%1]" : : "rZ"(value), "r"(address) : "memory");
}

static const u64 UART = 0x09000000, UART_FLAGS = 0x09000018, GICD = 0x08000000, GICR = 0x080a0000;

#endif
