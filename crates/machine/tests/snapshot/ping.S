// Two PEs play ping-pong with SGIs while their timers tick. `s` says that 256 rounds were played, `t` that 64 ticks came,
// `X` that an answer came twice, or that time went back; one that is lost ends the rounds. `words.rs` is this program:
// aarch64-linux-gnu-as, without what is not reached.
.text
start:
    mrs x0, mpidr_el1
    and x0, x0, #0xff
    adr x1, vectors
    msr vbar_el1, x1
    mov x19, x0                  // which CPU
    mov x20, #0                  // handled
    mov x21, #0                  // sent
    mov x22, #0                  // ticks
    mov x23, #0x09000000         // UART
    ldr w24, =200000             // period, ns
    mov x26, #0x08000000         // GICD
    mov w1, #0x12
    str w1, [x26]
    ldr x27, =0x080b0000         // SGI_base of CPU 0
    add x27, x27, x19, lsl #17
    mov w1, #-1
    str w1, [x27, #0x80]
    ldr w1, =0x0800000c          // SGIs 2 and 3, PPI 27
    str w1, [x27, #0x100]
    mov x1, #0xff
    msr S3_0_C4_C6_0, x1         // ICC_PMR_EL1
    mov x1, #1
    msr S3_0_C12_C12_7, x1       // ICC_IGRPEN1_EL1
    isb
    mrs x25, cntvct_el0
    add x25, x25, x24
    msr cntv_cval_el0, x25
    mov x1, #1
    msr cntv_ctl_el0, x1
    cbnz x19, second
    ldr w0, =0xc4000003          // CPU_ON
    mov x1, #1
    adr x2, start
    mov x3, #0
    hvc #0
    mov x28, #0                  // the count before
    msr daifclr, #2
    mov x21, #1                  // CPU 1 says that it is there
    b wait
round:
    add x21, x21, #1
    mrs x1, cntvct_el0
    cmp x1, x28
    b.lo wrong
    mov x28, x1
    ldr x1, =0x02000002          // SGI 2 to CPU 1
    dsb sy
    msr S3_0_C12_C11_5, x1
wait:
    cmp x20, x21
    b.hi wrong
    b.eq done
    wfi
    b wait
done:
    tst x21, #0xff
    b.ne round
    mov w1, #'s'
    strb w1, [x23]
    b round
wrong:
    mov w1, #'X'
    strb w1, [x23]
    b wrong
second:
    msr daifclr, #2
    ldr x1, =0x03000001          // SGI 3 to CPU 0
    msr S3_0_C12_C11_5, x1
1:  wfi
    b 1b

.balign 2048
vectors:
.rept 5
    b wrong
    .balign 128
.endr
    // IRQ from the current level with SP_ELx
    mrs x10, S3_0_C12_C12_0      // ICC_IAR1_EL1
    cmp x10, #27
    b.eq timer
    cmp x10, #3
    b.eq reply
    cmp x10, #2
    b.ne none
    ldr x11, =0x03000001         // SGI 3 to CPU 0
    msr S3_0_C12_C11_5, x11
    b ended
reply:
    add x20, x20, #1
ended:
    msr S3_0_C12_C12_1, x10      // ICC_EOIR1_EL1
none:
    eret
.balign 128
.rept 10
    b wrong
    .balign 128
.endr
timer:
    add x25, x25, x24
    msr cntv_cval_el0, x25
    isb
    add x22, x22, #1
    orr x12, x22, x19, lsl #32   // CPU 1 says nothing
    tst x12, #0x3f
    b.ne ended
    cbnz x19, ended
    mov w11, #'t'
    strb w11, [x23]
    b ended
.ltorg
