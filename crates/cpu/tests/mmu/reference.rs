//! The reference: stage 1 translation of EL1&0 as a slow and obvious program, written from the manual's text
//! (ARM DDI 0487, "The AArch64 Virtual Memory System Architecture") and not from the code under test.

/// Bits `[high:low]` of `v`.
fn bits(v: u64, high: u32, low: u32) -> u64 {
    (v >> low) & (u64::MAX >> (63 - (high - low)))
}

fn bit(v: u64, n: u32) -> bool {
    bits(v, n, n) == 1
}

/// Registers and features that take part.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    pub mmu_on: bool,
    pub wxn: bool,
    pub tcr: u64,
    pub ttbr: [u64; 2],
    pub mair: u64,
    pub features: Features,
}

#[derive(Clone, Copy, Debug)]
pub struct Features {
    pub pa_bits: u32,
    pub has_16k: bool,
    pub has_af: bool,
    pub has_dbm: bool,
    pub has_hpd: bool,
}

/// What an access is, for permissions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Read,
    Write,
    Fetch,
}

#[derive(Clone, Copy, Debug)]
pub struct Asker {
    pub privileged: bool,
    pub pan: bool,
    pub kind: Kind,
    pub unaligned: bool,
    /// AT: descriptors are not updated.
    pub only_asking: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    pub pa: u64,
    pub attr: u64,
    pub sh: u64,
}

/// The six-bit fault status.
pub type Status = u64;

const ADDRESS_SIZE: Status = 0b000000;
const TRANSLATION: Status = 0b000100;
const ACCESS_FLAG: Status = 0b001000;
const PERMISSION: Status = 0b001100;
const EXTERNAL_ON_WALK: Status = 0b010100;
const ALIGNMENT: Status = 0b100001;

/// (level, high bit, low bit) of the address bits that index a table, from the manual's tables.
const GRANULE_4K: &[(u64, u32, u32)] = &[(0, 47, 39), (1, 38, 30), (2, 29, 21), (3, 20, 12)];
const GRANULE_16K: &[(u64, u32, u32)] = &[(0, 47, 47), (1, 46, 36), (2, 35, 25), (3, 24, 14)];
const GRANULE_64K: &[(u64, u32, u32)] = &[(1, 47, 42), (2, 41, 29), (3, 28, 16)];

/// Memory as the walk sees it.
pub trait Tables {
    /// The descriptor at `pa`; `None` is an abort.
    fn read(&mut self, pa: u64) -> Option<u64>;
    fn write(&mut self, pa: u64, descriptor: u64);
}

/// What a branch makes of its target (`AArch64.BranchAddr`): a tag becomes copies of bit 55.
pub fn branch_address(r: &Registers, va: u64) -> u64 {
    match (bit(va, 55), bit(r.tcr, 37), bit(r.tcr, 38)) {
        (false, true, _) => bits(va, 55, 0),
        (true, _, true) => bits(va, 55, 0) | 0xff << 56,
        _ => va,
    }
}

pub fn translate(r: &Registers, who: Asker, va: u64, tables: &mut impl Tables) -> Result<Found, Status> {
    let upper = bit(va, 55);
    let ignore_top_byte = if upper { bit(r.tcr, 38) } else { bit(r.tcr, 37) };
    let top = if ignore_top_byte { 55 } else { 63 };

    if !r.mmu_on {
        if bits(va, top, r.features.pa_bits) != 0 {
            return Err(ADDRESS_SIZE);
        }
        if who.unaligned {
            return Err(ALIGNMENT);
        }
        return Ok(Found { pa: bits(va, r.features.pa_bits - 1, 0), attr: 0, sh: 0b10 });
    }

    let size = if upper { bits(r.tcr, 21, 16) } else { bits(r.tcr, 5, 0) } as u32;
    if !(16..=39).contains(&size) {
        return Err(TRANSLATION);
    }
    let highest = 63 - size; // the highest bit that is translated
    let rest = bits(va, top, highest + 1);
    let all_ones = bits(u64::MAX, top, highest + 1);
    if rest != if upper { all_ones } else { 0 } {
        return Err(TRANSLATION);
    }
    if if upper { bit(r.tcr, 23) } else { bit(r.tcr, 7) } {
        return Err(TRANSLATION);
    }

    let levels = match (upper, if upper { bits(r.tcr, 31, 30) } else { bits(r.tcr, 15, 14) }) {
        (false, 0b01) | (true, 0b11) => GRANULE_64K,
        (false, 0b10) | (true, 0b01) if r.features.has_16k => GRANULE_16K,
        _ => GRANULE_4K,
    };
    let page_low = levels.last().unwrap().2;
    let ips = [32, 36, 40, 42, 44, 48, 48, 48][bits(r.tcr, 34, 32) as usize].min(r.features.pa_bits);
    let too_big = |pa: u64| ips < 48 && bits(pa, 47, ips) != 0;

    let start = levels.iter().position(|(_, _, low)| highest >= *low).unwrap();
    let entries = 1u64 << (highest.min(levels[start].1) - levels[start].2 + 1);
    let mut table = bits(r.ttbr[upper as usize], 47, 1) << 1;
    table -= table % (8 * entries);
    if too_big(table) {
        return Err(ADDRESS_SIZE);
    }

    let hardware_af = r.features.has_af && bit(r.tcr, 39);
    let hardware_dirty = r.features.has_dbm && hardware_af && bit(r.tcr, 40);
    let ignore_tables = r.features.has_hpd && if upper { bit(r.tcr, 42) } else { bit(r.tcr, 41) };
    let (mut no_user, mut no_write, mut uxn_table, mut pxn_table) = (false, false, false, false);
    for &(level, high, low) in &levels[start..] {
        let at = table + 8 * bits(va, high.min(highest), low);
        let d = tables.read(at).ok_or(EXTERNAL_ON_WALK + level)?;
        let is_leaf = match (level, bits(d, 1, 0)) {
            (_, 0b00 | 0b10) => return Err(TRANSLATION + level),
            (3, 0b11) => true,
            (3, _) => return Err(TRANSLATION + level),
            (_, 0b11) => false,
            (2, _) => true,
            (1, _) if page_low == 12 => true,
            _ => return Err(TRANSLATION + level),
        };
        if !is_leaf {
            table = bits(d, 47, page_low) << page_low;
            if too_big(table) {
                return Err(ADDRESS_SIZE + level);
            }
            if !ignore_tables {
                no_user |= bit(d, 61);
                no_write |= bit(d, 62);
                uxn_table |= bit(d, 60);
                pxn_table |= bit(d, 59);
            }
            continue;
        }
        let page = bits(d, 47, low) << low;
        if too_big(page) {
            return Err(ADDRESS_SIZE + level);
        }
        if !bit(d, 10) && !hardware_af {
            return Err(ACCESS_FLAG + level);
        }
        let attr = r.mair.to_le_bytes()[bits(d, 4, 2) as usize].into();
        if who.unaligned && bits(attr, 7, 4) == 0 {
            return Err(ALIGNMENT);
        }

        // Permissions.
        let dirtiable = hardware_dirty && bit(d, 51);
        let writable = (!bit(d, 7) || dirtiable) && !no_write;
        let for_user = bit(d, 6) && !no_user;
        let allowed = match (who.kind, who.privileged) {
            (Kind::Read, false) => for_user,
            (Kind::Write, false) => for_user && writable,
            (Kind::Read, true) => !(who.pan && for_user),
            (Kind::Write, true) => writable && !(who.pan && for_user),
            (Kind::Fetch, false) => !(bit(d, 54) || uxn_table || r.wxn && for_user && writable),
            (Kind::Fetch, true) => !(bit(d, 53) || pxn_table || for_user && writable || r.wxn && writable),
        };
        if !allowed {
            return Err(PERMISSION + level);
        }
        if !who.only_asking {
            let mut updated = d | 1 << 10;
            if who.kind == Kind::Write && dirtiable {
                updated &= !(1 << 7);
            }
            if updated != d {
                tables.write(at, updated);
            }
        }
        return Ok(Found { pa: page | bits(va, low - 1, 0), attr, sh: bits(d, 9, 8) });
    }
    unreachable!("level 3 has no table descriptors");
}
