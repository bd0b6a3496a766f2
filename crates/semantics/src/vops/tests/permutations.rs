//! Permutations of two vectors whose bytes are their own names, 00 to 1f. Lines read from the highest byte.

use crate::vops::*;

const A: u128 = 0x0f0e0d0c_0b0a0908_07060504_03020100;
const B: u128 = 0x1f1e1d1c_1b1a1918_17161514_13121110;

#[track_caller]
fn check(op: VOp2, expected: u128) {
    assert_eq!(op.eval(A, B), expected, "{op:?}: {:032x}", op.eval(A, B));
}

#[test]
fn zip_interleaves_halves() {
    check(VOp2::Zip1(Lane::B), 0x1707_1606_1505_1404_1303_1202_1101_1000);
    check(VOp2::Zip2(Lane::B), 0x1f0f_1e0e_1d0d_1c0c_1b0b_1a0a_1909_1808);
    check(VOp2::Zip1(Lane::H), 0x17160706_15140504_13120302_11100100);
    check(VOp2::Zip2(Lane::H), 0x1f1e0f0e_1d1c0d0c_1b1a0b0a_19180908);
    check(VOp2::Zip1(Lane::S), 0x17161514_07060504_13121110_03020100);
    check(VOp2::Zip2(Lane::S), 0x1f1e1d1c_0f0e0d0c_1b1a1918_0b0a0908);
    check(VOp2::Zip1(Lane::D), 0x17161514_13121110_07060504_03020100);
    check(VOp2::Zip2(Lane::D), 0x1f1e1d1c_1b1a1918_0f0e0d0c_0b0a0908);
}

#[test]
fn uzp_takes_even_or_odd_lanes() {
    check(VOp2::Uzp1(Lane::B), 0x1e1c1a18_16141210_0e0c0a08_06040200);
    check(VOp2::Uzp2(Lane::B), 0x1f1d1b19_17151311_0f0d0b09_07050301);
    check(VOp2::Uzp1(Lane::H), 0x1d1c1918_15141110_0d0c0908_05040100);
    check(VOp2::Uzp2(Lane::H), 0x1f1e1b1a_17161312_0f0e0b0a_07060302);
    check(VOp2::Uzp1(Lane::S), 0x1b1a1918_13121110_0b0a0908_03020100);
    check(VOp2::Uzp2(Lane::S), 0x1f1e1d1c_17161514_0f0e0d0c_07060504);
    check(VOp2::Uzp1(Lane::D), 0x17161514_13121110_07060504_03020100);
    check(VOp2::Uzp2(Lane::D), 0x1f1e1d1c_1b1a1918_0f0e0d0c_0b0a0908);
}

#[test]
fn trn_interleaves_even_or_odd_lanes() {
    check(VOp2::Trn1(Lane::B), 0x1e0e_1c0c_1a0a_1808_1606_1404_1202_1000);
    check(VOp2::Trn2(Lane::B), 0x1f0f_1d0d_1b0b_1909_1707_1505_1303_1101);
    check(VOp2::Trn1(Lane::H), 0x1d1c0d0c_19180908_15140504_11100100);
    check(VOp2::Trn2(Lane::H), 0x1f1e0f0e_1b1a0b0a_17160706_13120302);
    check(VOp2::Trn1(Lane::S), 0x1b1a1918_0b0a0908_13121110_03020100);
    check(VOp2::Trn2(Lane::S), 0x1f1e1d1c_0f0e0d0c_17161514_07060504);
    check(VOp2::Trn1(Lane::D), 0x17161514_13121110_07060504_03020100);
    check(VOp2::Trn2(Lane::D), 0x1f1e1d1c_1b1a1918_0f0e0d0c_0b0a0908);
}

#[test]
fn ext_is_a_window_on_both() {
    check(VOp2::Ext(0), A);
    check(VOp2::Ext(1), 0x100f0e0d_0c0b0a09_08070605_04030201);
    check(VOp2::Ext(8), 0x17161514_13121110_0f0e0d0c_0b0a0908);
    check(VOp2::Ext(15), 0x1e1d1c1b_1a191817_16151413_1211100f);
}

#[track_caller]
fn check_one(op: VOp1, expected: u128) {
    assert_eq!(op.eval(A), expected, "{op:?}: {:032x}", op.eval(A));
}

#[test]
fn rev_reverses_lanes_in_containers() {
    check_one(VOp1::Rev(Lane::H, Lane::B), 0x0e0f_0c0d_0a0b_0809_0607_0405_0203_0001);
    check_one(VOp1::Rev(Lane::S, Lane::B), 0x0c0d0e0f_08090a0b_04050607_00010203);
    check_one(VOp1::Rev(Lane::S, Lane::H), 0x0d0c0f0e_09080b0a_05040706_01000302);
    check_one(VOp1::Rev(Lane::D, Lane::B), 0x08090a0b0c0d0e0f_0001020304050607);
    check_one(VOp1::Rev(Lane::D, Lane::H), 0x09080b0a0d0c0f0e_0100030205040706);
    check_one(VOp1::Rev(Lane::D, Lane::S), 0x0b0a09080f0e0d0c_0302010007060504);
}

#[test]
fn dup_and_cut_take_a_lane() {
    check_one(VOp1::Dup(Lane::B, 15), 0x0f0f0f0f_0f0f0f0f_0f0f0f0f_0f0f0f0f);
    check_one(VOp1::Dup(Lane::H, 3), 0x07060706_07060706_07060706_07060706);
    check_one(VOp1::Dup(Lane::S, 2), 0x0b0a0908_0b0a0908_0b0a0908_0b0a0908);
    check_one(VOp1::Dup(Lane::D, 1), 0x0f0e0d0c_0b0a0908_0f0e0d0c_0b0a0908);
    check_one(VOp1::Cut(Lane::B), 0x00);
    check_one(VOp1::Cut(Lane::H), 0x0100);
    check_one(VOp1::Cut(Lane::S), 0x03020100);
    check_one(VOp1::Cut(Lane::D), 0x07060504_03020100);
}

#[track_caller]
fn check_table(base: u8, indices: u128, expected: u128) {
    let old = 0xaaaaaaaa_bbbbbbbb_cccccccc_dddddddd;
    assert_eq!(VOp3::Tbx(base).eval(old, B, indices), expected);
}

#[test]
fn tbx_replaces_bytes_whose_index_is_in_the_table() {
    check_table(0, 0x00010203_0f0e0d0c_10ff8020_00000000, 0x10111213_1f1e1d1c_cccccccc_10101010);
    check_table(16, 0x10111213_0f0e0d0c_1f20ff00_00000000, 0x10111213_bbbbbbbb_1fcccccc_dddddddd);
    check_table(48, 0x30313233_3f2f0f40_00000000_ffffffff, 0x10111213_1fbbbbbb_cccccccc_dddddddd);
}
