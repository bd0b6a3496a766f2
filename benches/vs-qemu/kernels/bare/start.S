// From reset to C at EL1, with the MMU and caches on, on the first PE and on one that PSCI starts.
//
// Tables are data, below. Virtual addresses, 39 bits, all through TTBR0:
//   0 GiB  devices
//   1 GiB  RAM as it is: kernel only, global
//   3 GiB  the same RAM, read-only and executable at EL0
//   4 GiB  WINDOW: 8 pages that are not global, other ones in each of two address spaces

        .equ    BLOCK,      1               // entry types of levels 1 and 3
        .equ    TABLE,      3
        .equ    PAGE,       3
        .equ    DEVICE,     0 << 2          // MAIR index
        .equ    NORMAL,     1 << 2
        .equ    EL0,        1 << 6          // AP[1]
        .equ    READ_ONLY,  1 << 7          // AP[2]
        .equ    INNER,      3 << 8          // SH
        .equ    USED,       1 << 10         // AF
        .equ    NOT_GLOBAL, 1 << 11
        .equ    PXN,        1 << 53
        .equ    UXN,        1 << 54

        .section .text.start, "ax"
        .global start
start:
        adrp    x0, stack_0_end
        mov     sp, x0
        bl      set_up
        bl      main
        b       stop

        .global start_secondary
start_secondary:
        adrp    x0, stack_1_end
        mov     sp, x0
        bl      set_up
        bl      secondary
        b       stop

        .global stop
stop:   ldr     w0, =0x84000008             // PSCI SYSTEM_OFF
        hvc     #0
        b       .

set_up:
        mov     x0, #3 << 20                // CPACR_EL1.FPEN: floating point for all
        msr     cpacr_el1, x0
        adrp    x0, vectors
        msr     vbar_el1, x0
        mov     x0, #0xff04                 // 0: Device-nGnRE, 1: Normal write-back
        msr     mair_el1, x0
        // T0SZ 25, write-back inner-shareable walks, no TTBR1, 40-bit PA, 16-bit ASID
        ldr     x0, =25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2 << 32 | 1 << 36
        msr     tcr_el1, x0
        adrp    x0, space_a
        msr     ttbr0_el1, x0
        isb
        tlbi    vmalle1
        dsb     sy
        isb
        mrs     x0, sctlr_el1
        ldr     x1, =1 << 0 | 1 << 2 | 1 << 12  // M, C, I
        orr     x0, x0, x1
        msr     sctlr_el1, x0
        isb
        ret

// u64 psci(u64 function, u64, u64, u64)
        .text
        .global psci
psci:   hvc     #0
        ret

        .macro  space name, window
        .balign 4096
        .global \name
\name:  .quad   0x00000000 | BLOCK | DEVICE | USED | UXN | PXN
        .quad   0x40000000 | BLOCK | NORMAL | INNER | USED | UXN
        .quad   0
        .quad   0x40000000 | BLOCK | NORMAL | INNER | USED | EL0 | READ_ONLY | PXN
        .quad   \window\()_2 + TABLE
        .fill   507, 8, 0
        .balign 4096
\window\()_2:
        .quad   \window\()_3 + TABLE
        .fill   511, 8, 0
        .balign 4096
\window\()_3:
        .set    n, 0
        .rept   8
        .quad   \window\()_pages + n * 4096 + (PAGE | NORMAL | INNER | USED | NOT_GLOBAL | UXN | PXN)
        .set    n, n + 1
        .endr
        .fill   504, 8, 0
        .endm

        .data
        space   space_a, window_a
        space   space_b, window_b

        .bss
        .balign 4096
        .global window_a_pages, window_b_pages
window_a_pages: .skip 8 * 4096
window_b_pages: .skip 8 * 4096
        .skip   65536
stack_0_end:
        .skip   65536
stack_1_end:
        .skip   16
