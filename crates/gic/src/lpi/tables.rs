//! The configuration and pending tables in guest memory, and the registers that say where they are.

use super::store::MAX_LPIS;
use crate::ids::LPI_INTID;
use hw::{GuestMemory, PhysAddr, Unbacked};

/// GICR_PROPBASER fields that can be written: IDbits, cacheability, shareability, address.
pub(super) const PROPBASER_MASK: u64 = 0x070f_ffff_ffff_ff9f;
/// GICR_PENDBASER: PTZ, cacheability, shareability, address.
pub(super) const PENDBASER_MASK: u64 = PTZ | 0x070f_ffff_ffff_0f80;
/// The pending table is all zero: it need not be read. Reads as 0.
pub(super) const PTZ: u64 = 1 << 62;
/// UNKNOWN in the manual; we have 0.
pub(crate) const PROPBASER_RESET: u64 = 0;

/// How many LPIs a value of GICR_PROPBASER has in range; the GIC's own number of INTID bits is the other limit.
pub(super) fn lpis(propbaser: u64) -> u32 {
    let intids = 1u64 << ((propbaser & 0x1f) + 1).min(16);
    (intids as u32).saturating_sub(LPI_INTID).min(MAX_LPIS)
}

/// Where the byte of LPI 8192 is.
pub(super) fn configuration(propbaser: u64) -> u64 {
    propbaser & 0x000f_ffff_ffff_f000
}

/// Where the configuration table is, and of how many LPIs.
pub(super) fn place(propbaser: u64) -> (u64, u32) {
    (configuration(propbaser), lpis(propbaser))
}

fn pending(pendbaser: u64) -> PhysAddr {
    // The first 1 KiB stands for INTIDs that are no LPIs; it is IMPLEMENTATION DEFINED and we leave it alone.
    PhysAddr((pendbaser & 0x000f_ffff_ffff_0000) + u64::from(LPI_INTID) / 8)
}

/// The configuration bytes of the first LPIs; 0, which is disabled, where there is no memory.
pub(super) fn read_configuration(memory: &dyn GuestMemory, propbaser: u64, lpis: u32) -> Vec<u8> {
    let mut bytes = vec![0; lpis as usize];
    for (n, page) in bytes.chunks_mut(4096).enumerate() {
        if memory.read(PhysAddr(configuration(propbaser) + 4096 * n as u64), page).is_err() {
            page.fill(0);
        }
    }
    bytes
}

/// The pending bits of the first LPIs; none where there is no memory.
pub(super) fn read_pending(memory: &dyn GuestMemory, pendbaser: u64, lpis: u32) -> Vec<u8> {
    let mut bits = vec![0; lpis.div_ceil(8) as usize];
    if memory.read(pending(pendbaser), &mut bits).is_err() {
        bits.fill(0);
    }
    bits
}

/// Writes the pending bits of the first LPIs, and nothing else.
pub(super) fn write_pending(memory: &dyn GuestMemory, pendbaser: u64, bits: &[u8]) -> Result<(), Unbacked> {
    memory.write(pending(pendbaser), bits)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn chk_4_1_8_the_smaller_number_of_id_bits_applies() {
        assert_eq!([0, 12, 13, 14, 15, 16, 31].map(lpis), [0, 0, 8192, 24576, 57344, 57344, 57344]);
    }

    #[test]
    fn chk_13_2_pending_bits_begin_after_a_kilobyte() {
        assert_eq!(pending(PTZ | 0x4012_0780), PhysAddr(0x4012_0400));
    }
}
