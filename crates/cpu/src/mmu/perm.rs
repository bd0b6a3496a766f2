//! Who may do what with a page: permissions as bits, and the views that look at them.

use super::Stage1;

/// From whose standing an access is judged. Each view has TLBs of its own, so that a hit needs no check of
/// permissions and a change of Exception level or PSTATE.PAN needs no flush.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum View {
    /// EL0, and LDTR/STTR at EL1.
    User = 0,
    /// EL1 with PSTATE.PAN clear.
    Privileged = 1,
    /// EL1 with PSTATE.PAN set.
    PrivilegedNever = 2,
    /// EL1&0 with stage 1 off.
    Off = 3,
    /// EL2.
    El2 = 4,
    /// EL3.
    El3 = 5,
}

/// What an access needs of a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// A data read.
    Read,
    /// A data write.
    Write,
    /// An instruction fetch.
    Execute,
    /// Only a valid translation (cache maintenance at EL1).
    Nothing,
}

/// Permissions of a page after tables, WXN and dirty-state management had their say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Perms(pub u8);

impl Perms {
    /// Unprivileged read.
    pub const UR: u8 = 1 << 0;
    /// Unprivileged write.
    pub const UW: u8 = 1 << 1;
    /// Unprivileged execute.
    pub const UX: u8 = 1 << 2;
    /// Privileged read.
    pub const PR: u8 = 1 << 3;
    /// Privileged write.
    pub const PW: u8 = 1 << 4;
    /// Privileged execute.
    pub const PX: u8 = 1 << 5;
    /// Everything: stage 1 is off.
    pub const ALL: Perms = Perms(0x3f);

    /// May `view` do `need`?
    pub const fn allows(self, view: View, need: Need) -> bool {
        let (read, write, execute) = match view {
            View::User => (Self::UR, Self::UW, Self::UX),
            _ => (Self::PR, Self::PW, Self::PX),
        };
        let denied = matches!(view, View::PrivilegedNever) && self.0 & (Self::UR | Self::UW) != 0;
        match need {
            Need::Read => self.0 & read != 0 && !denied,
            Need::Write => self.0 & write != 0 && !denied,
            // PSTATE.PAN says nothing about fetches.
            Need::Execute => self.0 & execute != 0,
            Need::Nothing => true,
        }
    }
}

/// Restrictions collected from table descriptors on the way to a leaf.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hierarchy {
    /// APTable\[0\].
    pub no_user: bool,
    /// APTable\[1\].
    pub no_write: bool,
    /// UXNTable, or XNTable.
    pub uxn: bool,
    /// PXNTable.
    pub pxn: bool,
}

impl Hierarchy {
    /// Adds the attributes of table descriptor `desc`. NSTable is ignored: there is one security state.
    pub const fn and_table(self, desc: u64) -> Hierarchy {
        Hierarchy {
            no_user: self.no_user || desc >> 61 & 1 != 0,
            no_write: self.no_write || desc >> 62 & 1 != 0,
            uxn: self.uxn || desc >> 60 & 1 != 0,
            pxn: self.pxn || desc >> 59 & 1 != 0,
        }
    }

    /// Permissions of the leaf `desc`; `dirtiable` if a write may make it writable (DBM).
    /// ARM DDI 0487, "Data access permissions", "Instruction execution permissions".
    pub fn perms(self, desc: u64, dirtiable: bool, stage1: &Stage1) -> Perms {
        let clear = |n: u32| desc >> n & 1 == 0;
        let writable = (clear(7) || dirtiable) && !self.no_write;
        let user = stage1.unprivileged && !clear(6) && !self.no_user;
        let user_writable = user && writable;
        let (ux, px) = match stage1.unprivileged {
            // What EL0 can write, EL1 never executes.
            true => (clear(54) && !self.uxn, clear(53) && !self.pxn && !user_writable),
            false => (false, clear(54) && !self.uxn),
        };
        let ux = ux && !(stage1.wxn && user_writable);
        let px = px && !(stage1.wxn && writable);
        let all = [
            (true, Perms::PR),
            (writable, Perms::PW),
            (px, Perms::PX),
            (user, Perms::UR),
            (user_writable, Perms::UW),
            (ux, Perms::UX),
        ];
        Perms(all.iter().filter(|(has, _)| *has).map(|(_, bit)| bit).sum())
    }
}
