//! Which accesses KVM can hand to a VMM: those whose syndrome says what they do (ARM DDI 0487, ESR_ELx.ISS.ISV of data
//! aborts). They are loads and stores of one general-purpose register without write-back, acquire and release included,
//! exclusives not.

/// Word and mask of each form; the register is never one of SIMD.
#[rustfmt::skip]
const FORMS: &[(u32, u32)] = &[
    (0x3900_0000, 0x3f00_0000), // LDR, STR (immediate, unsigned offset)
    (0x3800_0000, 0x3f20_0c00), // LDUR, STUR
    (0x3800_0800, 0x3f20_0c00), // LDTR, STTR
    (0x3820_0800, 0x3f20_0c00), // LDR, STR (register)
    (0x1900_0000, 0x3f20_0c00), // LDAPUR, STLUR
    (0x0880_0000, 0x3fa0_0000), // LDAR, STLR, LDLAR, STLLR
    (0x38bf_c000, 0x3fff_fc00), // LDAPR
];

/// Does a data abort of `word` have a valid syndrome?
pub(crate) fn is_valid(word: u32) -> bool {
    FORMS.iter().any(|(form, mask)| word & mask == *form)
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn one_register_and_no_write_back() {
        for (name, word, valid) in [
            ("ldr w0, [x9]", 0xb940_0120, true),
            ("str x1, [x0, #8]", 0xf900_0401, true),
            ("ldrsb w1, [x0]", 0x39c0_0001, true),
            ("ldur x1, [x0, #-8]", 0xf85f_8001, true),
            ("ldtr x1, [x0]", 0xf840_0801, true),
            ("ldr x1, [x0, x2]", 0xf862_6801, true),
            ("ldar x1, [x0]", 0xc8df_fc01, true),
            ("stlr w1, [x0]", 0x889f_fc01, true),
            ("ldapr x1, [x0]", 0xf8bf_c001, true),
            ("ldr x1, [x0], #8", 0xf840_8401, false),
            ("str x1, [x0, #8]!", 0xf800_8c01, false),
            ("ldp x1, x2, [x0]", 0xa940_0801, false),
            ("ldr q0, [x0]", 0x3dc0_0000, false),
            ("ldxr x1, [x0]", 0xc85f_7c01, false),
            ("ldadd x1, x2, [x0]", 0xf821_0002, false),
            ("cas x1, x2, [x0]", 0xc8a1_7c02, false),
            ("dc zva, x0", 0xd50b_7420, false),
        ] {
            assert_eq!(is_valid(word), valid, "{name}");
        }
    }
}
