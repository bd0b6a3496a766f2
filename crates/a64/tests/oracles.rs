//! The table against two decoders that are not ours: exarmo, generated from Arm's machine-readable
//! specification (every extension there is), and capstone (LLVM's tables).
//!
//! What we accept they accept, what we reject they reject, and what differs stands below with its reason.
//! `ARMAGIC_WORDS=N` looks at N words (100000000 by night) instead of a million.

mod common;

use armagic_a64::{Feature, ROW_COUNT, ROWS, Row, RowInfo, lookup};
use capstone::prelude::*;
use common::Random;
use common::unclaimed::{UNCLAIMED, Unclaimed};
use exarmo_aarch64::decode_word;
use std::collections::BTreeMap;

/// How many words a run looks at for what we reject; for what we accept, a proportional number of each row.
fn words() -> u64 {
    match std::env::var("ARMAGIC_WORDS") {
        Ok(text) => text.replace('_', "").parse().unwrap_or_else(|e| panic!("ARMAGIC_WORDS={text}: {e}")),
        Err(_) => 1_000_000,
    }
}

/// capstone's mnemonic, if it decodes `word`.
fn capstone_mnemonic(cs: &Capstone, word: u32) -> Option<String> {
    let insns = cs.disasm_count(&word.to_le_bytes(), 0, 1).ok()?;
    insns.iter().next().and_then(|i| i.mnemonic().map(str::to_owned))
}

fn capstone() -> Capstone {
    Capstone::new().arm64().mode(arch::arm64::ArchMode::Arm).build().expect("capstone has AArch64 compiled in")
}

/// Words of a row that capstone rejects although they are allocated. (It also rejects CONSTRAINED UNPREDICTABLE
/// words, which we execute; exarmo says which those are.)
/// LLVM takes LDTR for an instruction with writeback, and so refuses to load its base.
const CAPSTONE_REJECTS: &[(&str, Words)] = &[("Ldtr", base_is_transferred), ("Ldtrs", base_is_transferred)];

/// Features that this capstone does not know.
const CAPSTONE_LACKS: &[Feature] = &[Feature::CSSC, Feature::MOPS];

type Words = fn(u32) -> bool;

fn base_is_transferred(word: u32) -> bool {
    word & 31 == word >> 5 & 31
}

/// Rows whose first word is not in exarmo's name of every encoding.
const NAMED_OTHERWISE: &[(&str, &[&str])] = &[
    ("HintOp", &["hints"]), // one row for NOP, YIELD, WFE …
    ("Stxr", &["stxr", "stlxr"]),
    ("Ldxr", &["ldxr", "ldaxr"]),
    ("Stxp", &["stxp", "stlxp"]),
    ("Ldxp", &["ldxp", "ldaxp"]),
    ("Braz", &["braaz", "brabz"]),
    ("Blraz", &["blraaz", "blrabz"]),
    ("Set", &["setp", "setm", "sete"]), // not SETGP
];

/// Does exarmo's name of an encoding hold the mnemonic in the row's name, which is its first capitalised word?
fn is_named(row: &RowInfo, encoding: &str) -> bool {
    let encoding = encoding.to_lowercase();
    match NAMED_OTHERWISE.iter().find(|(name, _)| *name == row.name) {
        Some((_, words)) => words.iter().any(|word| encoding.contains(word)),
        None => {
            let end = row.name[1..].find(|c: char| c.is_ascii_uppercase()).map_or(row.name.len(), |at| at + 1);
            // CMGT with zero is Cmgt0 to us.
            encoding.contains(row.name[..end].to_lowercase().trim_end_matches('0'))
        }
    }
}

/// What is wrong with taking `word` for `row`, if anything. `row_of` remembers the row of each of Arm's encodings.
fn objection(cs: &Capstone, row: &RowInfo, word: u32, row_of: &mut BTreeMap<String, Row>) -> Option<String> {
    let insn = match decode_word(word) {
        Ok(insn) => insn,
        Err(e) => return Some(format!("exarmo says {e}")),
    };
    let encoding = format!("{:?}", insn.encoding());
    if !is_named(row, &encoding) {
        return Some(format!("exarmo says {encoding}"));
    }
    // Two rows never share what Arm calls one encoding.
    let first = *row_of.entry(encoding.clone()).or_insert(row.row);
    if first != row.row {
        return Some(format!("exarmo says {encoding}, as of {first:?}"));
    }
    let allowed = CAPSTONE_LACKS.contains(&row.feature)
        || CAPSTONE_REJECTS.iter().any(|(name, words)| *name == row.name && words(word));
    let known = insn.unpredictable() || allowed || capstone_mnemonic(cs, word).is_some();
    (!known).then(|| format!("capstone rejects {encoding}"))
}

#[test]
fn what_we_accept_is_allocated_and_is_that_instruction() {
    let (cs, mut random, mut row_of) = (capstone(), Random::new(0xacc), BTreeMap::new());
    let mut objections = vec![];
    for row in &ROWS {
        let mut words = (0..words() / 2500).map(|_| random.of_row(row));
        let first =
            words.find_map(|w| objection(&cs, row, w, &mut row_of).map(|o| format!("{} {w:08x}: {o}", row.name)));
        objections.extend(first);
    }
    assert!(objections.is_empty(), "\n{}", objections.join("\n"));
}

/// What capstone decodes though Arm's specification does not allocate it, by mnemonic.
const CAPSTONE_INVENTS: &[(&str, &str)] = &[
    ("mrs", "op0 of 0 or 1 is printed as a generic register name"),
    ("msr", "op0 of 0 or 1 is printed as a generic register name"),
    ("tstart", "FEAT_TME, withdrawn"),
    ("ttest", "FEAT_TME, withdrawn"),
    ("tcommit", "FEAT_TME, withdrawn"),
    ("tcancel", "FEAT_TME, withdrawn"),
];

/// SME and SVE (top-level op0 0b0000 with bit 31, and 0b0010), and the reserved space of op0 0b0000.
fn sve_or_sme(word: u32) -> bool {
    matches!(word >> 25 & 15, 0 | 2)
}

/// Words we reject: near the words of each row, and anywhere.
fn rejected() -> impl Iterator<Item = u32> {
    let mut random = Random::new(0xbad);
    let words = (0..words()).map(move |i| match i % 2 {
        0 => random.word(),
        _ => {
            let row = &ROWS[random.below(ROW_COUNT as u32) as usize];
            let word = random.of_row(row);
            (0..=random.below(3)).fold(word, |w, _| w ^ 1 << random.below(32))
        }
    });
    words.filter(|w| !sve_or_sme(*w) && lookup(*w).is_none())
}

#[test]
fn what_we_reject_is_unallocated_or_unclaimed() {
    let cs = capstone();
    let mut gaps: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for word in rejected() {
        let gap = match decode_word(word) {
            Ok(insn) => {
                let encoding = format!("{:?}", insn.encoding());
                let reason = UNCLAIMED.iter().any(|u| u.covers(&encoding));
                (!reason).then(|| format!("exarmo: {encoding}"))
            }
            Err(_) => match capstone_mnemonic(&cs, word) {
                Some(m) if CAPSTONE_INVENTS.iter().all(|(name, _)| *name != m) => Some(format!("capstone: {m}")),
                _ => None,
            },
        };
        if let Some(gap) = gap {
            gaps.entry(gap).or_insert((0, word)).0 += 1;
        }
    }
    let gaps: Vec<_> = gaps.iter().map(|(name, (count, word))| format!("{name}: {count}, as {word:08x}")).collect();
    assert!(gaps.is_empty(), "rejected without a reason:\n{}", gaps.join("\n"));
}

/// The list of reasons does not outlive them: each has a word that exarmo knows and we do not.
#[test]
fn every_unclaimed_feature_has_an_example() {
    for u @ Unclaimed { feature, example, .. } in UNCLAIMED {
        let insn = decode_word(*example).unwrap_or_else(|e| panic!("{feature}: exarmo says {e} of {example:08x}"));
        let encoding = format!("{:?}", insn.encoding());
        assert!(u.covers(&encoding), "{feature}: {example:08x} is {encoding}");
        assert_eq!(lookup(*example), None, "{feature}: {example:08x}, {encoding}, is in the table now");
    }
}
