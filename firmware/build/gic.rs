//! GICv3 bring-up as IHI 0069 asks for it, and sending SGIs.

use crate::asm::*;
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

pub const GICD: u64 = 0x0800_0000;
pub const GICR: u64 = 0x080a_0000;
pub const GICR_STRIDE: u64 = 0x2_0000;
/// Redistributors in the first region; those of all further CPUs are in a second one.
pub const GICR_CPUS: u32 = 123;
const GICR_HIGH: u64 = 0x40_0000_0000;

/// The virtual timer's PPI.
pub const TIMER: u64 = 27;
/// The SPI that the demo makes pending by hand.
pub const SPI: u64 = 72;

/// Distributor: affinity routing and Group 1 on; `SPI` in Group 1, enabled, edge-triggered.
pub fn distributor(asm: &mut Asm) {
    load(asm, 0, GICD);
    dynasm!(asm
        ; .arch aarch64
        ; movz w1, 0x12 // ARE, EnableGrp1
        ; str w1, [x0]
        ; movz w1, 1 << (SPI % 32) as u32
        ; str w1, [x0, 0x80 + 4 * (SPI / 32) as u32] // IGROUPR
        ; str w1, [x0, 0x100 + 4 * (SPI / 32) as u32] // ISENABLER
        ; movz w1, 0x80
        ; strb w1, [x0, 0x400 + SPI as u32] // IPRIORITYR
    );
    load(asm, 1, 2 << (2 * (SPI % 16)));
    dynasm!(asm ; .arch aarch64 ; str w1, [x0, 0xc00 + 4 * (SPI / 16) as u32]); // ICFGR: edge
}

/// Xto = the redistributor of the CPU whose index is in Xindex, another register. Uses x0 to x2.
pub fn redistributor(asm: &mut Asm, index: u8, to: u8) {
    load(asm, 0, GICR);
    load(asm, 1, GICR_STRIDE);
    dynasm!(asm
        ; .arch aarch64
        ; mov x2, X(index)
        ; cmp x2, GICR_CPUS
        ; b.lo >low
        ; sub x2, x2, GICR_CPUS
    );
    load(asm, 0, GICR_HIGH);
    dynasm!(asm ; .arch aarch64 ; low: ; madd X(to), x2, x1, x0);
}

/// Redistributor and CPU interface of the CPU whose index is in x19.
pub fn this_cpu(asm: &mut Asm) {
    redistributor(asm, 19, 21);
    dynasm!(asm
        ; .arch aarch64
        ; ldr w1, [x21, 0x14]
        ; and w1, w1, 0xfffffffd // WAKER.ProcessorSleep
        ; str w1, [x21, 0x14]
        ; asleep:
        ; ldr w1, [x21, 0x14]
        ; tbnz w1, 2, <asleep // until ChildrenAsleep is clear
    );
    load(asm, 1, 0x1_0000);
    dynasm!(asm
        ; .arch aarch64
        ; add x1, x21, x1 // the SGI frame
        ; movn w2, 0
        ; str w2, [x1, 0x80] // IGROUPR0: all Group 1
        ; movz w2, 0x6 // SGIs 1 and 2
        ; movk w2, 1 << (TIMER - 16) as u32, lsl 16
        ; str w2, [x1, 0x100] // ISENABLER0
        ; movz x2, 7
        ; msr ICC_SRE_EL1, x2
        ; isb
        ; movz x2, 0xf0
        ; msr ICC_PMR_EL1, x2
        ; movz x2, 1
        ; msr ICC_IGRPEN1_EL1, x2
        ; isb
    );
}

/// Sends SGI `intid` to the CPU whose MPIDR affinity is in Xr. Uses x0 to x2.
pub fn send_sgi(asm: &mut Asm, intid: u32, r: u8) {
    dynasm!(asm
        ; .arch aarch64
        ; ubfx x0, X(r), 8, 8 // Aff1
        ; lsl x0, x0, 16
        ; and x1, X(r), 15
        ; movz x2, 1
        ; lsl x2, x2, x1
        ; orr x0, x0, x2 // TargetList
        ; movz x1, intid << 8, lsl 16
        ; orr x0, x0, x1
        ; dsb ishst // what the target shall see comes before (IHI 0069, ordering of SGIs)
        ; msr ICC_SGI1R_EL1, x0
        ; isb
    );
}
