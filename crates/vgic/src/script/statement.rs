//! What a statement is once it is read.

use super::memory::Pointer;
use super::options::VmOptions;
use super::words::At;
use crate::{Errno, LockProtocol};
use hw::AccessSize;

/// A statement, where it stands, and how it ends.
pub(super) struct Statement {
    pub at: At,
    /// As it was written.
    pub text: String,
    pub verb: Verb,
    pub expected: Expected,
}

/// How a statement is to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Expected {
    Success,
    Value(u64),
    Refusal(Errno),
    Waits,
}

/// What a statement does.
pub(super) enum Verb {
    Vm(VmOptions),
    Protocol(LockProtocol),
    Vcpu {
        first: u32,
        count: u32,
        initialise: bool,
        el2: bool,
    },
    Init {
        id: u32,
        el2: bool,
    },
    Device {
        kind: u32,
        flags: u32,
        name: String,
    },
    Attribute {
        device: String,
        access: Access,
        pointer: Pointer,
    },
    Sweep {
        device: String,
        access: Access,
        first: u64,
        last: u64,
        step: u64,
    },
    Ioctl {
        device: String,
        request: u32,
        pointer: Pointer,
    },
    Hold(u32),
    Running(u32),
    /// A vCPU's ioctl or run ends: its name for that.
    LetGo(u32, Held),
    Run(u32),
    Finish,
    Guest {
        frame: GuestFrame,
        offset: u64,
        size: AccessSize,
        write: Option<u64>,
    },
    Line {
        vcpu: Option<u32>,
        intid: u32,
        high: bool,
    },
    RamRead {
        at: u64,
        size: usize,
    },
    RamWrite {
        at: u64,
        size: usize,
        values: Vec<u64>,
    },
}

impl Verb {
    /// May it be done to a machine whose vCPUs run? It makes nothing, and waits for no vCPU, which are its threads'.
    pub fn suits_a_running_machine(&self) -> bool {
        match self {
            Verb::Protocol(protocol) => *protocol != LockProtocol::Blocking,
            Verb::Attribute { .. } | Verb::Sweep { .. } | Verb::Ioctl { .. } | Verb::Guest { .. } => true,
            Verb::Line { .. } | Verb::RamRead { .. } | Verb::RamWrite { .. } => true,
            Verb::Vm(_) | Verb::Vcpu { .. } | Verb::Init { .. } | Verb::Device { .. } => false,
            Verb::Hold(_) | Verb::Running(_) | Verb::LetGo(..) | Verb::Run(_) | Verb::Finish => false,
        }
    }
}

/// What a vCPU is kept in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Held {
    Ioctl,
    Run,
}

/// One attribute, and what is done with it.
#[derive(Clone, Copy)]
pub(super) struct Access {
    pub op: Op,
    pub group: u32,
    pub attr: u64,
    pub flags: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Op {
    Set,
    Get,
    Has,
    /// GET, and SET to what was read.
    Rewrite,
}

/// A frame of registers, as guests see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum GuestFrame {
    Distributor,
    /// RD_base and SGI_base of the vCPU with this id.
    Redistributor(u32),
}
