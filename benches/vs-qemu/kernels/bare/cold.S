// 65536 instructions without a loop, of the kinds that compilers emit, in blocks of about eight.
//
// u64 cold_code(u64 seed, u64 *memory)

        .macro  group a, b, c, d
        add     x\a, x\a, x\b, lsl #3
        ldr     x\c, [x1, #8 * \d]
        eor     x\b, x\b, x\c
        cmp     x\a, x\b
        csel    x\d, x\a, x\c, lo
        str     x\d, [x1, #8 * \c]
        b.eq    1f
        sub     x\a, x\a, #\c
1:      ubfx    x\c, x\b, #7, #21
        madd    x\d, x\a, x\c, x\d
        stp     x\a, x\b, [x1, #16 * \a]
        and     x\b, x\b, #~0xff00
        tbnz    x\d, #63, 1f
        orr     x\a, x\a, x\d, ror #9
1:      ldrb    w\c, [x1, #\b]
        adds    x\b, x\b, x\c
        .endm

        .section .cold, "ax"
        .global cold_code
cold_code:
        mov     x2, x0
        .irp    r, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        add     x\r, x0, #\r
        .endr
        .rept   1024
        group   2, 3, 4, 5
        group   6, 7, 8, 9
        group   10, 11, 12, 13
        group   14, 15, 3, 8
        .endr
        .irp    r, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        add     x2, x2, x\r
        .endr
        mov     x0, x2
        ret
