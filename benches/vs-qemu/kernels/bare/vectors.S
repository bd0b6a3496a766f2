// Exceptions: SVC returns at once, interrupts are counted, anything else is reported.

        .macro  vector to
        .balign 128
        b       \to
        .endm

        .text
        .balign 4096
        .global vectors
vectors:
        vector  0f                          // EL1 with SP_EL0: not used
        vector  0f
        vector  0f
        vector  0f
        vector  call                        // EL1
        vector  interrupt
        vector  0f
        vector  0f
        vector  call                        // EL0, AArch64
        vector  0f
        vector  0f
        vector  0f
        vector  0f                          // EL0, AArch32
        vector  0f
        vector  0f
        vector  0f
0:      b       unexpected

// SVC #0 returns; SVC #1 is the end of `run_at_el0`. x16 and x17 are the kernel's.
call:
        mrs     x16, esr_el1
        lsr     x17, x16, #26
        cmp     x17, #0x15                  // EC: SVC in AArch64
        b.ne    unexpected
        tbnz    w16, #0, 1f
        eret
1:      adrp    x16, el1_sp
        ldr     x16, [x16, :lo12:el1_sp]
        mov     sp, x16
        mov     x16, #0x3c5                 // EL1h, masked
        msr     spsr_el1, x16
        msr     elr_el1, x30                // the EL0 program kept it
        eret

unexpected:
        mrs     x0, esr_el1
        mrs     x1, elr_el1
        mrs     x2, far_el1
        bl      report_exception
        b       stop

// SGI 0 and the timer are counted; SGI 1 is answered by SGI 0 to PE 0.
interrupt:
        stp     x0, x1, [sp, #-32]!
        stp     x2, x3, [sp, #16]
        mrs     x0, icc_iar1_el1
        cmp     w0, #1020
        b.hs    3f
        cmp     w0, #1
        b.eq    2f
        cmp     w0, #27
        b.ne    1f
        msr     cntv_ctl_el0, xzr
        isb
1:      adrp    x1, interrupts
        ldr     x2, [x1, :lo12:interrupts]
        add     x2, x2, #1
        str     x2, [x1, :lo12:interrupts]
        b       4f
2:      mov     x1, #1                      // target list: PE 0; INTID 0
        msr     icc_sgi1r_el1, x1
4:      msr     icc_eoir1_el1, x0
3:      ldp     x2, x3, [sp, #16]
        ldp     x0, x1, [sp], #32
        eret

// void run_at_el0(u64 address, u64 argument): the program there ends with SVC #1 and changes x0, x1, x16, x17.
        .global run_at_el0
run_at_el0:
        adrp    x2, el1_sp
        mov     x3, sp
        str     x3, [x2, :lo12:el1_sp]
        msr     elr_el1, x0
        msr     spsr_el1, xzr               // EL0, nothing masked
        mov     x0, x1
        eret

// A program for EL0: x0 times SVC #0.
        .global calls_of_el0
calls_of_el0:
1:      svc     #0
        subs    x0, x0, #1
        b.ne    1b
        svc     #1

        .bss
        .balign 8
        .global interrupts
interrupts: .skip 8
el1_sp: .skip   8
