//! What is special about a row: not compared, compared with some words only, known to differ.

use super::operands::Random;
use super::state::{Case, Outcome, Ran, signal};
use super::witness::Witness;
use a64::{Insn, Row, RowInfo};
use cpu::Model;

/// The model that is compared: all features, and the algorithm of pointer authentication that QEMU has.
pub fn model() -> &'static Model {
    Model::by_name("max-qarma5").expect("the model exists")
}

/// Rows that are not compared, and why.
const EXCLUDED: &[(&str, &str)] = &[
    ("Svc", "would be a system call of the host"),
    ("Hvc", "undefined at EL0: what it means is the machine's"),
    ("Smc", "undefined at EL0: what it means is the machine's"),
    ("Hlt", "undefined without semihosting: a decision of the PE"),
    ("Dcps", "undefined outside Debug state"),
    ("Drps", "undefined at EL0"),
    ("Eret", "undefined at EL0"),
    ("Ereta", "undefined at EL0"),
    ("Sys", "caches, TLBs, translation: the PE's"),
    ("Sysl", "undefined"),
];

/// Rows of which only these words are compared, apart from some bits: other system registers are the PE's.
const PINNED: &[(&str, u32, &[u32])] = &[
    // NZCV, FPCR, FPSR, SSBS, DIT; Rt is free.
    ("Mrs", 0x1f, &[0xd53b_4200, 0xd53b_4400, 0xd53b_4420, MRS_SSBS, MRS_DIT]),
    ("Msr", 0x1f, &[0xd51b_4200, MSR_FPCR, MSR_FPSR, 0xd51b_42c0, 0xd51b_42a0]),
    // SSBS and DIT; the lowest bit of the immediate is free.
    ("MsrImm", 0x100, &[0xd503_403f, 0xd503_405f]),
];
const MSR_FPCR: u32 = 0xd51b_4400;
const MSR_FPSR: u32 = 0xd51b_4420;
const MRS_SSBS: u32 = 0xd53b_42c0;
const MRS_DIT: u32 = 0xd53b_42a0;

/// Why `row` is not compared, if it is not.
pub fn excluded(row: &RowInfo) -> Option<&'static str> {
    EXCLUDED.iter().find(|(name, _)| *name == row.name).map(|(_, why)| *why)
}

/// Why `row` is not compared with `witness`, if it is not.
pub fn excluded_from(witness: Witness, row: &RowInfo) -> Option<String> {
    excluded(row).map(str::to_string).or_else(|| witness.excludes(row))
}

/// `word`, or one of the words that the row is pinned to, with the free bits of `word`.
pub fn pinned(random: &mut Random, row: &RowInfo, word: u32) -> u32 {
    match PINNED.iter().find(|(name, ..)| *name == row.name) {
        Some((_, free, words)) => random.pick(words) | word & free,
        None => word,
    }
}

/// May this word of the row be compared with `witness`?
pub fn allows(witness: Witness, row: &RowInfo, word: u32) -> bool {
    // WFE and WFI may wait for something that never comes.
    let waits = row.row == Row::HintOp && matches!(word >> 5 & 0x7f, 2 | 3);
    !waits && witness.allows(row, word)
}

/// PACIA and its kin: `z` is for a modifier of zero.
fn pac(data: u32, z: u32, b: u32, modifier: u32, pointer: u32) -> u32 {
    0xdac1_0000 | z << 13 | data << 11 | b << 10 | modifier << 5 | pointer
}

/// AND Xr, Xr, with an immediate of ones but for `zeros`, a run of bits.
fn clear(r: u32, zeros: u64) -> u32 {
    let (ones, top) = (zeros.count_zeros(), 64 - zeros.leading_zeros());
    0x9240_0000 | (64 - top) << 16 | (ones - 1) << 10 | r << 5 | r
}

/// The instructions that `word` needs before it to have something to find, in three cases of four.
pub fn before(random: &mut Random, row: &RowInfo, word: u32) -> Vec<u32> {
    match word & !0x1f {
        // Cases leave these bits of PSTATE behind, so none begins by reading them.
        MRS_SSBS | MRS_DIT => {
            let (write, imm) = (word & !(1 << 21), if word & !0x1f == MRS_SSBS { 0xd503_403f } else { 0xd503_405f });
            return vec![if random.one_in(2) { write } else { imm | (random.below(2) as u32) << 8 }];
        }
        // What QEMU keeps for AArch32, which our model lacks: flags, Len and Stride. FEAT_AFP and FEAT_EBF16 it has:
        // FIZ, AH, NEP, and EBF.
        MSR_FPSR if word & 31 < 31 => return vec![clear(word & 31, 0xf000_0000)],
        MSR_FPCR if word & 31 < 31 => {
            return [7 << 16, 3 << 20, 7, 1 << 13].map(|bits| clear(word & 31, bits)).to_vec();
        }
        _ if random.one_in(4) => return vec![],
        _ => (),
    }
    let needed = match Insn::from_row(row.row, word) {
        // The load-exclusive that a store-exclusive needs to succeed.
        Insn::Stxr(a64::Stxr { size, rn, .. }) => Some(a64::Ldxr { size, o0: 0, rn, rt: 31 }.word()),
        // LDXP of one register twice is unpredictable: the second is one that is not the base.
        Insn::Stxp(a64::Stxp { sz, rn, .. }) => Some(a64::Ldxp { sz, o0: 0, rt2: (rn + 1) % 31, rn, rt: 31 }.word()),
        // The signature that an authentication checks.
        Insn::Auti(_) | Insn::Autd(_) => Some(word & !(1 << 12)),
        Insn::HintOp(_) if matches!(word >> 5 & 0x7f, 12 | 14 | 28..32) => Some(word - (4 << 5)),
        Insn::Braz(a64::Braz { m, rn }) | Insn::Blraz(a64::Blraz { m, rn }) => Some(pac(0, 1, m, 31, rn)),
        Insn::Bra(a64::Bra { m, rn, modifier }) | Insn::Blra(a64::Blra { m, rn, modifier }) => {
            Some(pac(0, 0, m, modifier, rn))
        }
        Insn::Reta(a64::Reta { m }) => Some(pac(0, 0, m, 31, 30)),
        Insn::Ldra(a64::Ldra { m, rn, .. }) if rn < 31 => Some(pac(1, 1, m, 31, rn)),
        _ => None,
    };
    needed.into_iter().collect()
}

/// The register that holds the pointer which `word` signs or authenticates.
pub fn pointer(row: &RowInfo, word: u32) -> Option<u32> {
    match (row.row, word >> 5 & 0x7f) {
        (Row::Paci | Row::Pacd | Row::Auti | Row::Autd, _) => Some(word & 31),
        (Row::HintOp, 8 | 10 | 12 | 14) => Some(17),
        (Row::HintOp, 24..32) => Some(30),
        _ => None,
    }
}

/// PACIASP and its kin, and XPACLRI.
pub fn is_pauth_hint(row: &RowInfo, word: u32) -> bool {
    row.row == Row::HintOp && matches!(word >> 5 & 0x7f, 7 | 8 | 10 | 12 | 14 | 24..32)
}

/// Must its accesses be aligned, at least within 16 bytes: exclusive, atomic and ordered ones.
pub fn is_aligned(row: &RowInfo) -> bool {
    const CLASSES: &[&str] = &[
        "Load/store exclusive register",
        "Load/store exclusive pair",
        "Load/store ordered",
        "Compare and swap",
        "Compare and swap pair",
        "LDAPR/STLR (unscaled immediate)",
        "Atomic memory operations",
    ];
    CLASSES.contains(&row.class)
}

/// Is it one of the three instructions of a copy or set, which are compared together?
pub fn is_mops(row: &RowInfo) -> bool {
    matches!(row.row, Row::Cpy | Row::Cpyf | Row::Set)
}

/// The three instructions of the copy or set that `word` is of.
pub fn mops(row: &RowInfo, word: u32) -> [u32; 3] {
    let stage = row.fields.iter().find(|f| f.name == "stage").expect("the table says so");
    [0, 1, 2].map(|n| word & !(3 << stage.lsb) | n << stage.lsb)
}

/// Is it a word that `KNOWN` would have to explain, after others and in spite of valid pointers?
pub fn is_disputed(row: &RowInfo, word: u32) -> bool {
    row.row == Row::Fjcvtzs || row.row == Row::FcvtzsFixedSca && word >> 20 & 7 == 1
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
    /// Whom it concerns.
    pub of: &'static [Witness],
    /// What differs and why ours is what the manual says.
    pub reason: &'static str,
    /// Is this it? The case, what QEMU made of it, and what we did.
    pub applies: fn(&Case, &Ran, &Ran) -> bool,
}

/// The differences that are known.
pub const KNOWN: &[Known] = &[
    Known {
        of: &Witness::ALL,
        reason: "STXR, STXP of a bad address without a monitor: QEMU fails the store, we abort. IMPLEMENTATION DEFINED \
                 (ARM DDI 0487, STXR: \"whether the detection of memory aborts happens before or after the check\")",
        applies: |case, qemu, ours| {
            let unmonitored = case.words.len() == 1 && matches!(case.row.name, "Stxr" | "Stxp");
            unmonitored && qemu.outcome == Outcome::Finished && ours.outcome != Outcome::Finished
        },
    },
    Known {
        of: &[Witness::Host],
        reason: "Exclusive, atomic and ordered accesses that are unaligned within 16 bytes: QEMU 7.2 faults, since it lacks \
                 FEAT_LSE2 (ARM DDI 0487, \"Alignment of data accesses\")",
        applies: |case, qemu, ours| {
            let is_fault = |ran: &Ran| matches!(ran.outcome, Outcome::Signal { signal: signal::BUS, .. });
            is_aligned(case.row) && is_fault(qemu) && !is_fault(ours)
        },
    },
    Known {
        of: &[Witness::Host],
        reason: "LDAPR across 16 bytes: QEMU 7.2 loads. An Alignment fault while SCTLR_EL1.nAA is clear \
                 (ARM DDI 0487, \"Alignment of data accesses\": Load-Acquire RCpc is in the list)",
        applies: |case, qemu, ours| {
            let misaligned = matches!(ours.outcome, Outcome::Signal { signal: signal::BUS, .. });
            case.row.name == "Ldapr" && misaligned && qemu.outcome != ours.outcome
        },
    },
    Known {
        of: &[Witness::Host],
        reason: "FCVTZS (scalar, fixed-point) of a half to a negative number: QEMU 7.2 leaves its sign in bits [31:16] \
                 of Vd. They are zero (ARM DDI 0487, V[] with a 16-bit value), as in QEMU 10.0",
        applies: |case, qemu, ours| {
            let rd = case.word() as usize & 31;
            let mut cut = qemu.clone();
            cut.state.v[rd] &= 0xffff;
            case.row.name == "FcvtzsFixedSca" && qemu.state.v[rd] >> 16 == 0xffff && cut == *ours
        },
    },
    Known {
        of: &[Witness::Host],
        reason: "PACIA and its kin of a pointer with bit 55 set and bit 63 clear: QEMU takes the range from bit 63, since \
                 TCR_EL1.TBI1 is clear. Bit 55 says, since TBI0 is set (ARM DDI 0487, AddPAC: \"TCR_EL1.TBI1 == '1' || \
                 TCR_EL1.TBI0 == '1'\")",
        applies: |case, qemu, ours| {
            let Some(pointer) = pointer(case.row, case.word()).filter(|r| *r < 31) else { return false };
            let pointer = pointer as usize;
            let mut same = qemu.clone();
            same.state.x[pointer] = ours.state.x[pointer];
            case.state.x[pointer] >> 55 & 0x101 == 1 && same == *ours
        },
    },
    Known {
        of: &[Witness::Host],
        reason: "FJCVTZS of a subnormal that FPCR.FZ flushes: QEMU 7.2 sets Z. It is clear unless the fraction of the \
                 operand is zero (ARM DDI 0487, FPToFixedJS), as in QEMU 10.0",
        applies: |case, qemu, ours| {
            let mut same = qemu.clone();
            same.state.nzcv = 0;
            let operand = case.state.v[case.word() as usize >> 5 & 31] as u64;
            case.row.row == Row::Fjcvtzs && operand != 0 && operand >> 52 == 0 && same == *ours
        },
    },
];
