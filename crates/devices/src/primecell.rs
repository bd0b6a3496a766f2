//! The identification registers at the end of every PrimeCell's 4 KiB page.

/// First of the eight byte-wide ID registers: PeriphID0 to 3, then PCellID0 to 3.
const FIRST: u64 = 0xfe0;

/// PCellID0 to 3, the same for every PrimeCell.
const CELL: [u8; 4] = [0x0d, 0xf0, 0x05, 0xb1];

/// The ID register at `offset`, for the peripheral whose PeriphID0 to 3 are `peripheral`; zero elsewhere.
pub(crate) fn id(peripheral: [u8; 4], offset: u64) -> u32 {
    let Some(index) = offset.checked_sub(FIRST).map(|o| (o / 4) as usize) else { return 0 };
    peripheral.iter().chain(&CELL).nth(index).copied().map_or(0, u32::from)
}
