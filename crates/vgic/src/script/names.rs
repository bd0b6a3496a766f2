//! Names: of devices, groups, attributes and registers, as Linux's headers and IHI 0069 have them less their prefixes.

use crate::registers;
use crate::uapi::{address, control, device_type, group};

/// Types of devices.
pub(super) const DEVICES: &[(&str, u32)] = &[
    ("vgic-v2", device_type::VGIC_V2),
    ("vgic-v3", device_type::VGIC_V3),
    ("its", device_type::ITS),
    ("vgic-v5", device_type::VGIC_V5),
];

/// Groups.
pub(super) const GROUPS: &[(&str, u32)] = &[
    ("ADDR", group::ADDR),
    ("DIST_REGS", group::DIST_REGS),
    ("CPU_REGS", group::CPU_REGS),
    ("NR_IRQS", group::NR_IRQS),
    ("CTRL", group::CTRL),
    ("REDIST_REGS", group::REDIST_REGS),
    ("CPU_SYSREGS", group::CPU_SYSREGS),
    ("LEVEL_INFO", group::LEVEL_INFO),
    ("ITS_REGS", group::ITS_REGS),
    ("MAINT_IRQ", group::MAINT_IRQ),
];

const ADDRESSES: &[(&str, u64)] = &[
    ("V2_DIST", address::V2_DIST),
    ("V2_CPU", address::V2_CPU),
    ("DIST", address::DIST),
    ("REDIST", address::REDIST),
    ("ITS", address::ITS),
    ("REDIST_REGION", address::REDIST_REGION),
    ("REGION", address::REDIST_REGION),
];

const COMMANDS: &[(&str, u64)] = &[
    ("INIT", control::INIT),
    ("SAVE_TABLES", control::SAVE_TABLES),
    ("RESTORE_TABLES", control::RESTORE_TABLES),
    ("SAVE_PENDING_TABLES", control::SAVE_PENDING_TABLES),
    ("RESET", control::RESET),
];

/// The value of a name in a list.
pub(super) fn lookup<T: Copy>(list: &[(&str, T)], name: &str) -> Option<T> {
    list.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// The attribute of a group that a name means, without an affinity.
pub(super) fn attribute(group: u32, name: &str) -> Option<u64> {
    match group {
        group::ADDR => lookup(ADDRESSES, name),
        group::CTRL => lookup(COMMANDS, name),
        group::DIST_REGS => registers::dist::offset(name).map(u64::from),
        group::REDIST_REGS => registers::redist::offset(name).map(u64::from),
        group::CPU_SYSREGS => registers::sysregs::encoding(name).map(u64::from),
        group::ITS_REGS => its_register(name),
        _ => None,
    }
}

/// What names the attributes of a group have, for who has found none.
pub(super) fn known(group: u32) -> String {
    let one_of = |list: &[(&str, u64)]| list.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    match group {
        group::ADDR => format!("addresses are {}", one_of(ADDRESSES)),
        group::CTRL => format!("commands are {}", one_of(COMMANDS)),
        group::DIST_REGS => "registers of GICD are such as IIDR, or ISENABLER1".to_owned(),
        group::REDIST_REGS => "registers of GICR are such as TYPER, or ISENABLER0".to_owned(),
        group::CPU_SYSREGS => "system registers are such as PMR, or ICC_PMR_EL1".to_owned(),
        group::ITS_REGS => "registers of GITS are such as CTLR, or BASER0".to_owned(),
        _ => "attributes of this group are numbers".to_owned(),
    }
}

/// The identification registers of any frame, from 0xffd0.
const IDENTIFICATION: [&str; 12] =
    ["PIDR4", "PIDR5", "PIDR6", "PIDR7", "PIDR0", "PIDR1", "PIDR2", "PIDR3", "CIDR0", "CIDR1", "CIDR2", "CIDR3"];

/// The offset of an ITS's register: one of an array by its number.
fn its_register(name: &str) -> Option<u64> {
    if let Some(n) = IDENTIFICATION.iter().position(|known| *known == name) {
        return Some(0xffd0 + 4 * n as u64);
    }
    let (base, index) = registers::split_index(name);
    let first = |name: &str| (0..0x1_0000).step_by(4).find(|&at| gic::Its::register_name(at) == Some(name));
    let whole = first(name).map(u64::from);
    whole.or_else(|| Some(u64::from(first(base)?) + 8 * u64::from(index?)))
}
