//! Laws of the instruction table.

mod common;

use armagic_a64::{Feature, FeatureSet, Insn, ROW_COUNT, ROWS, bit_mask, decode, lookup};
use common::Random;
use std::collections::BTreeSet;

/// The manual's operand fields that stand at one place wherever they occur.
const PLACES: &[(&str, &[u32])] = &[
    ("rd", &[0]),
    ("rt", &[0]),
    ("rn", &[5]),
    ("ra", &[10]),
    ("rt2", &[10]),
    ("rm", &[16]),
    ("rs", &[16]),
    ("sf", &[31, 30]), // 30 in LDR (literal)
    ("q", &[30, 23]),  // 23 in loads and stores of one SIMD&FP register: opc[1]
    ("option", &[13]),
    ("cond", &[12, 0]), // 0 in B.cond
    ("nzcv", &[0]),
    ("imm9", &[12]),
    ("imm12", &[10]),
    ("imm16", &[5]),
    ("imm19", &[5]),
    ("imm26", &[0]),
    ("imm7", &[15]),
    ("imms", &[10]),
    ("immr", &[16]),
    ("immh", &[19]),
    ("immb", &[16]),
    ("op1", &[16]),
    ("crn", &[12]),
    ("crm", &[8]),
    ("op2", &[5]),
];

#[test]
fn operand_fields_stand_where_the_manual_puts_them() {
    for row in &ROWS {
        for f in row.fields {
            if let Some((_, places)) = PLACES.iter().find(|(name, _)| *name == f.name) {
                assert!(places.contains(&f.lsb), "{}: {} at bit {}", row.name, f.name, f.lsb);
            }
        }
    }
}

#[test]
fn fields_and_fixed_bits_do_not_overlap() {
    for row in &ROWS {
        let mut used = row.mask;
        assert_eq!(row.value & !row.mask, 0, "{}", row.name);
        assert_eq!(row.should_be & row.mask, 0, "{}", row.name);
        for f in row.fields {
            let bits = (((1u64 << f.width) - 1) as u32) << f.lsb;
            assert_eq!(used & bits, 0, "{}: {}", row.name, f.name);
            used |= bits;
        }
    }
}

#[test]
fn names_are_unique_and_classes_are_named() {
    let names: BTreeSet<_> = ROWS.iter().map(|r| r.name).collect();
    assert_eq!(names.len(), ROW_COUNT);
    ROWS.iter().for_each(|r| assert!(!r.class.is_empty(), "{}", r.name));
}

/// Words of every row, of every row with a few bits turned, and of anything.
fn words() -> impl Iterator<Item = u32> {
    let mut random = Random::new(0x0a64);
    let per_row = ROWS.iter().flat_map(move |row| {
        let exact: Vec<u32> = (0..200).map(|_| random.of_row(row)).collect();
        let near: Vec<u32> =
            exact.iter().map(|w| (0..=random.below(3)).fold(*w, |w, _| w ^ 1 << random.below(32))).collect();
        exact.into_iter().chain(near)
    });
    let mut random = Random::new(0xa640);
    per_row.chain((0..300_000).map(move |_| random.word()))
}

#[test]
fn no_word_matches_two_rows_and_lookup_finds_the_one() {
    for word in words() {
        let matching: Vec<_> = ROWS.iter().filter(|r| r.matches(word)).map(|r| r.row).collect();
        assert!(matching.len() <= 1, "{word:08x}: {matching:?}");
        assert_eq!(lookup(word), matching.first().copied(), "{word:08x}");
    }
}

#[test]
fn encode_inverts_decode() {
    for word in words() {
        let Some(insn) = decode(word) else { continue };
        let row = insn.row().info();
        let fields = row.fields.iter().fold(0, |m, f| m | (((1u64 << f.width) - 1) as u32) << f.lsb);
        assert_eq!(insn.word(), word & (row.mask | fields) | row.should_be, "{word:08x} {insn:?}");
        assert_eq!(decode(insn.word()), Some(insn), "{word:08x}");
        assert_eq!(Insn::from_row(row.row, word), insn);
    }
}

/// What a word of the row needs, by assembler.
#[test]
fn words_belong_to_features() {
    use Feature::*;
    let check = |word: u32, text: &str, needs: &[Feature]| {
        let row = lookup(word).expect(text);
        assert_eq!(row.needs(word), FeatureSet::of(needs), "{text}: {}", row.info().name);
    };
    check(0x8b02_0020, "add x0, x1, x2", &[A64]);
    check(0xb822_0020, "ldadd w2, w0, [x1]", &[LSE]);
    check(0xb8bf_c020, "ldapr w0, [x1]", &[LRCPC]);
    check(0x1ac2_4020, "crc32b w0, w1, w2", &[CRC32]);
    check(0x1e62_2820, "fadd d0, d1, d2", &[A64]);
    check(0x1ee2_2820, "fadd h0, h1, h2", &[A64, FP16]);
    check(0x1ee2_4020, "fcvt s0, h1", &[A64]);
    check(0x9e67_0000, "fmov d0, x0", &[A64]);
    check(0x0e42_1420, "fadd v0.4h, v1.4h, v2.4h", &[FP16]);
    check(0x4ee2_e020, "pmull2 v0.1q, v1.2d, v2.2d", &[A64, PMULL]);
    check(0x0e22_e020, "pmull v0.8h, v1.8b, v2.8b", &[A64]);
    check(0x0e82_9420, "sdot v0.2s, v1.8b, v2.8b", &[DotProd]);
    check(0x4e28_4820, "aese v0.16b, v1.16b", &[AES]);
    check(0x0f00_fc00, "fmov v0.4h, #2.0", &[A64, FP16]);
    check(0xdac1_0020, "pacia x0, x1", &[PAuth]);
    check(0x5400_0010, "bc.eq .", &[HBC]);
    check(0xd503_30ff, "sb", &[SB]);
}

/// The values a logical immediate can have, made from the manual's prose: a rotated run of ones, not all ones,
/// in elements of 2, 4, … 64 bits.
fn logical_values(bits: u32) -> BTreeSet<u64> {
    let mut values = BTreeSet::new();
    for size in [2u32, 4, 8, 16, 32, 64].into_iter().filter(|s| *s <= bits) {
        for ones in 1..size {
            for turn in 0..size {
                let bit = |i: u32| u64::from((i % size + turn) % size < ones);
                values.insert((0..bits).fold(0, |v, i| v | bit(i) << i));
            }
        }
    }
    values
}

#[test]
fn logical_immediates_are_exactly_the_manuals() {
    // 5334 is the number every assembler's table has; 1302 of them repeat in 32 bits.
    for (bits, ns, count) in [(64, 0..2, 5334), (32, 0..1, 1302)] {
        let mut decoded = BTreeSet::new();
        for (n, immr, imms) in ns.flat_map(|n| (0..64).flat_map(move |r| (0..64).map(move |s| (n, r, s)))) {
            decoded.extend(bit_mask(n, immr, imms).map(|v| if bits == 32 { v & 0xffff_ffff } else { v }));
        }
        assert_eq!(decoded.len(), count);
        assert!(decoded == logical_values(bits));
    }
}

/// What assemblers print for a few encodings (checked by hand against `DecodeBitMasks`).
#[test]
fn logical_immediates_have_the_right_value() {
    let check = |n, immr, imms, value| assert_eq!(bit_mask(n, immr, imms), value, "{n} {immr} {imms}");
    check(1, 0, 0, Some(1));
    check(1, 1, 0, Some(1 << 63));
    check(1, 0, 62, Some(u64::MAX >> 1));
    check(1, 0, 63, None);
    check(0, 0, 0b111100, Some(0x5555_5555_5555_5555));
    check(0, 1, 0b111100, Some(0xaaaa_aaaa_aaaa_aaaa));
    check(0, 63, 0b111100, Some(0xaaaa_aaaa_aaaa_aaaa)); // high bits of immr are ignored
    check(0, 0, 0b111101, None);
    check(0, 0, 0b111110, None);
    check(0, 0, 7, Some(0x0000_00ff_0000_00ff));
    check(0, 8, 7, Some(0xff00_0000_ff00_0000));
    check(0, 0, 0b100111, Some(0x00ff_00ff_00ff_00ff));
}
