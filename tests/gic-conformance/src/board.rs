//! What the cases count on: the public layout of the `virt` board, and which memory they use.

/// GIC distributor.
pub const GICD: u64 = 0x0800_0000;
/// ITS, its translation page 64 KiB above.
pub const GITS: u64 = 0x0808_0000;
/// Redistributor of the first PE.
pub const GICR: u64 = 0x080a_0000;
/// Bytes from one redistributor to the next.
pub const GICR_STRIDE: u64 = 0x2_0000;
/// From RD_base to SGI_base.
pub const SGI_FRAME: u64 = 0x1_0000;
/// PL011; its transmit interrupt is the level-sensitive SPI of the cases.
pub const UART: u64 = 0x0900_0000;
/// The PL011's INTID.
pub const UART_INTID: u32 = 33;

/// Where a headerless image is loaded and entered.
pub const LOAD: u64 = 0x4008_0000;
/// Stack of each PE, growing down from here plus 64 KiB times its number plus one.
pub const STACKS: u64 = 0x4180_0000;
/// The words between PEs.
pub const SHARED: u64 = 0x41f0_0000;

/// LPI configuration, from INTID 8192.
pub const CONFIG: u64 = 0x4200_0000;
/// Pending tables, 64 KiB for each PE.
pub const PENDING: u64 = 0x4204_0000;
/// The ITS's command queue, `QUEUE_SIZE` bytes.
pub const QUEUE: u64 = 0x4206_0000;
/// One page of 4 KiB.
pub const QUEUE_SIZE: u64 = 0x1000;
/// Tables of GITS_BASER0 to 7, 64 KiB each.
pub const TABLES: u64 = 0x4210_0000;
/// Interrupt translation tables, `ITT_STRIDE` for each device.
pub const ITTS: u64 = 0x4220_0000;
/// Bytes of one of them.
pub const ITT_STRIDE: u64 = 0x4000;
/// Devices that have one.
pub const DEVICES: u64 = 8;
/// A word of memory that nothing else uses, for payloads between PEs.
pub const SCRATCH: u64 = 0x41f1_0000;

/// GICR_PROPBASER.IDbits, and GICR_TYPER's limit: LPIs 8192 to 65535.
pub const ID_BITS: u64 = 15;
