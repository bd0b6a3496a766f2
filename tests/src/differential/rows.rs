//! What is special about a row: not compared, compared with some words only, known to differ.

use super::operands::Random;
use super::state::{Case, Outcome, Ran, signal};
use a64::{Feature, RowInfo};

/// Rows that are not compared, and why.
pub const EXCLUDED: &[(&str, &str)] = &[
    ("Svc", "would be a system call of the host"),
    ("Hvc", "undefined at EL0: what it means is the machine's"),
    ("Smc", "undefined at EL0: what it means is the machine's"),
    ("Hlt", "undefined without semihosting: a decision of the PE"),
    ("Dcps", "undefined outside Debug state"),
    ("Drps", "undefined at EL0"),
    ("Eret", "undefined at EL0"),
    ("MsrImm", "undefined at EL0: fields of PSTATE are the PE's"),
    ("Sys", "caches, TLBs, translation: the PE's"),
    ("Sysl", "undefined"),
];

/// Features whose rows are not compared, and why.
const EXCLUDED_FEATURES: &[(Feature, &str)] = &[
    (Feature::CSSC, "newer than QEMU 7.2"),
    (Feature::HBC, "newer than QEMU 7.2"),
    (Feature::MOPS, "newer than QEMU 7.2"),
    (Feature::WFxT, "newer than QEMU 7.2"),
    (Feature::XS, "newer than QEMU 7.2"),
    (Feature::PAuth, "QEMU's keys are random"),
];

/// Rows of which only these words are compared, apart from Rt: other system registers are the PE's.
const PINNED: &[(&str, &[u32])] = &[
    ("Mrs", &[0xd53b_4200, 0xd53b_4400, 0xd53b_4420]), // NZCV, FPCR, FPSR
    ("Msr", &[0xd51b_4200, 0xd51b_4400, 0xd51b_4420]),
];

/// Why `row` is not compared, if it is not.
pub fn excluded(row: &RowInfo) -> Option<&'static str> {
    let by_name = EXCLUDED.iter().find(|(name, _)| *name == row.name).map(|(_, why)| *why);
    if row.name == "Xpac" {
        return None; // needs no key
    }
    by_name.or_else(|| EXCLUDED_FEATURES.iter().find(|(f, _)| *f == row.feature).map(|(_, why)| *why))
}

/// `word`, or one of the words that the row is pinned to, with Rt of `word`.
pub fn pinned(random: &mut Random, row: &RowInfo, word: u32) -> u32 {
    match PINNED.iter().find(|(name, _)| *name == row.name) {
        Some((_, words)) => random.pick(words) | word & 31,
        None => word,
    }
}

/// May this word of the row be compared?
pub fn allows(row: &RowInfo, word: u32) -> bool {
    // WFE and WFI may wait for something that never comes.
    // PACIASP and its kin use keys, which are random.
    row.name != "HintOp" || !matches!(word >> 5 & 0x7f, 2 | 3 | 7..=14 | 24..=31)
}

/// "Loads and Stores" of the manual's top-level encodings: bits [28:25] are x1x0.
pub fn is_memory(row: &RowInfo) -> bool {
    row.value >> 25 & 0b101 == 0b100
}

/// Branches proper, of "Branches, Exception Generating and System instructions": bits [28:26] are 101.
pub fn is_branch(row: &RowInfo) -> bool {
    row.value >> 26 & 0b111 == 0b101 && row.value >> 24 != 0xd5 && row.value >> 24 != 0xd4
}

/// Something QEMU and we do differently, and who is right.
pub struct Known {
    /// What differs and why ours is what the manual says.
    pub reason: &'static str,
    /// Is this it? The case, what QEMU made of it, and what we did.
    pub applies: fn(&Case, &Ran, &Ran) -> bool,
}

/// The differences that are known.
pub const KNOWN: &[Known] = &[
    Known {
        reason: "FJCVTZS of a positive subnormal that FPCR.FZ flushes: QEMU 7.2 sets Z. It is clear, since the operand \
                 was not an exact zero (ARM DDI 0487, `FPToFixedJS`)",
        applies: |case, qemu, ours| {
            const Z: u32 = 1 << 30;
            const FZ: u32 = 1 << 24;
            let operand = case.state.v[case.words[0] as usize >> 5 & 31] as u64;
            let flushed = case.state.fpcr & FZ != 0 && (1..1 << 52).contains(&operand);
            case.row.name == "Fjcvtzs" && flushed && qemu.state.nzcv == Z && ours.state.nzcv == 0
        },
    },
    Known {
        reason: "STXR, STXP of a bad address without a monitor: QEMU fails the store, we abort. IMPLEMENTATION DEFINED \
                 (ARM DDI 0487, STXR: \"whether the detection of memory aborts happens before or after the check\")",
        applies: |case, qemu, ours| {
            let unmonitored = case.words.len() == 1 && matches!(case.row.name, "Stxr" | "Stxp");
            unmonitored && qemu.outcome == Outcome::Finished && ours.outcome != Outcome::Finished
        },
    },
    Known {
        reason: "LDAPR of a misaligned address: QEMU 7.2 loads. An Alignment fault without FEAT_LSE2 \
                 (ARM DDI 0487, \"Alignment of data accesses\": Load-Acquire RCpc is in the list)",
        applies: |case, qemu, ours| {
            let misaligned = matches!(ours.outcome, Outcome::Signal { signal: signal::BUS, .. });
            case.row.name == "Ldapr" && misaligned && qemu.outcome != ours.outcome
        },
    },
    Known {
        reason: "FCVTZS (scalar, fixed-point) of a half to a negative number: QEMU 7.2 leaves its sign in bits [31:16] \
                 of Vd. They are zero (ARM DDI 0487, V[] with a 16-bit value)",
        applies: |case, qemu, ours| {
            let rd = case.word() as usize & 31;
            let mut cut = qemu.clone();
            cut.state.v[rd] &= 0xffff;
            case.row.name == "FcvtzsFixedSca" && qemu.state.v[rd] >> 16 == 0xffff && cut == *ours
        },
    },
];
