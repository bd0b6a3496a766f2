//! The scenarios and what each protocol may lead to.

use armagic_vgic::Kernel;
use armagic_vgic::LockProtocol::{self, *};

/// One ioctl.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// SET GICD_IIDR with this revision.
    Revision(u64),
    /// SET GICD_TYPER2.nASSGIcap.
    DirectSgis(u64),
    /// GET GICD_IIDR.
    GetRevision,
    /// SET GICD_CTLR, which is no early register.
    Ctlr(u64),
    Init,
    Interrupts(u64),
    Redist,
    SavePending,
    /// Any ioctl of that vCPU.
    VcpuIoctl(usize),
    /// KVM_RUN of that vCPU, and back.
    Run(usize),
    NewVcpu(u32),
    CreateVgic,
    /// SET of the ITS's address.
    ItsAddress(u64),
}

/// The VM at first.
#[derive(Clone, Copy)]
pub struct Start {
    pub vcpus: u32,
    pub vgic: bool,
    pub addresses: bool,
    pub initialised: bool,
}

pub struct Scenario {
    pub name: &'static str,
    pub kernels: &'static [&'static Kernel],
    pub start: Start,
    pub threads: &'static [&'static [Op]],
    /// What is looked at afterwards.
    pub facts: &'static [&'static str],
    /// Results of the threads in order, and the facts; by protocol, the first that matches.
    pub allowed: &'static [(&'static [LockProtocol], &'static [&'static str])],
}

impl Scenario {
    pub fn allowed(&self, protocol: LockProtocol) -> &'static [&'static str] {
        let row = self.allowed.iter().find(|(protocols, _)| protocols.contains(&protocol));
        row.unwrap_or_else(|| panic!("{} says nothing of {protocol}", self.name)).1
    }
}

const NOT_INITIALISED: Start = Start { vcpus: 1, vgic: true, addresses: false, initialised: false };
const PLACED: Start = Start { addresses: true, ..NOT_INITIALISED };
const INITIALISED: Start = Start { initialised: true, ..PLACED };

/// Those that lock every vCPU whenever GICD_IIDR is accessed.
const TRY_ALWAYS: &[LockProtocol] = &[Upstream, TargetVcpuOnly, WithoutVcpu];
/// Those that lock none before initialisation.
const TRY_LATER: &[LockProtocol] = &[Rfc, UnderConfigLock, DecideThenRetake];
/// Those that never find a vCPU busy.
const NEVER_BUSY: &[LockProtocol] = &[DeviceLevel, Blocking];
const ANY: &[LockProtocol] =
    &[Upstream, Rfc, UnderConfigLock, DecideThenRetake, TargetVcpuOnly, DeviceLevel, WithoutVcpu, Blocking];

const NEWEST: &[&Kernel] = &[&Kernel::V7_3];

use Op::*;

pub static SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "L1",
        kernels: &[&Kernel::V7_2, &Kernel::V7_3],
        start: NOT_INITIALISED,
        threads: &[&[Revision(2)], &[VcpuIoctl(0)]],
        facts: &["rev"],
        allowed: &[(TRY_ALWAYS, &["0 | 0 rev=2", "EBUSY-early | 0 rev=3"]), (ANY, &["0 | 0 rev=2"])],
    },
    Scenario {
        name: "L2",
        kernels: NEWEST,
        start: NOT_INITIALISED,
        threads: &[&[Revision(2)], &[Init]],
        facts: &["rev"],
        allowed: &[(ANY, &["0 | 0 rev=2"])],
    },
    Scenario {
        name: "L3",
        kernels: NEWEST,
        start: NOT_INITIALISED,
        threads: &[&[Revision(2)], &[Init], &[VcpuIoctl(0)]],
        facts: &["rev"],
        allowed: &[
            (TRY_ALWAYS, &["0 | 0 | 0 rev=2", "EBUSY | 0 | 0 rev=3", "EBUSY-early | 0 | 0 rev=3"]),
            (TRY_LATER, &["0 | 0 | 0 rev=2", "EBUSY | 0 | 0 rev=3"]),
            (NEVER_BUSY, &["0 | 0 | 0 rev=2"]),
        ],
    },
    Scenario {
        name: "L4",
        kernels: NEWEST,
        start: NOT_INITIALISED,
        threads: &[&[DirectSgis(0)], &[Init]],
        facts: &["cap"],
        allowed: &[(ANY, &["0 | 0 cap=0", "EBUSY | 0 cap=1"])],
    },
    Scenario {
        name: "L5",
        kernels: NEWEST,
        start: NOT_INITIALISED,
        threads: &[&[Ctlr(2)], &[Init]],
        facts: &["ctlr"],
        allowed: &[(ANY, &["0 | 0 ctlr=0x52", "EBUSY | 0 ctlr=0x50"])],
    },
    Scenario {
        name: "L6",
        kernels: NEWEST,
        start: PLACED,
        threads: &[&[Revision(2)], &[Run(0)]],
        facts: &["rev"],
        allowed: &[
            (TRY_ALWAYS, &["0 | EBUSY dead", "EBUSY-early | EBUSY dead", "EIO | EBUSY dead"]),
            (ANY, &["0 | EBUSY dead", "EIO | EBUSY dead"]),
        ],
    },
    Scenario {
        name: "L7",
        kernels: NEWEST,
        start: INITIALISED,
        threads: &[&[Revision(2)], &[Run(0)]],
        facts: &["rev"],
        allowed: &[(NEVER_BUSY, &["0 | 0 rev=2"]), (ANY, &["0 | 0 rev=2", "EBUSY | 0 rev=3"])],
    },
    Scenario {
        name: "L8",
        kernels: NEWEST,
        start: NOT_INITIALISED,
        threads: &[&[Revision(2)], &[Revision(3)]],
        facts: &["rev"],
        allowed: &[(ANY, &["0 | 0 rev=2", "0 | 0 rev=3"])],
    },
    Scenario {
        name: "L9",
        kernels: &[&Kernel::V7_2, &Kernel::V7_3],
        start: NOT_INITIALISED,
        threads: &[&[Revision(2)], &[NewVcpu(1)]],
        facts: &["rev"],
        allowed: &[(ANY, &["0 | 0 rev=2"])],
    },
    Scenario {
        // Linux also lets both succeed with a second vCPU that was never reset; here it cannot be.
        name: "L10",
        kernels: &[&Kernel::V7_2, &Kernel::V7_3],
        start: NOT_INITIALISED,
        threads: &[&[Init], &[NewVcpu(1)]],
        facts: &["reset"],
        allowed: &[(ANY, &["0 | 0 ctlr1=0x8400", "0 | EBUSY alone", "EBUSY | 0 ctlr1=0x8400"])],
    },
    Scenario {
        name: "L11",
        kernels: NEWEST,
        start: INITIALISED,
        threads: &[&[Revision(2), Revision(3)], &[Run(0), Run(0)]],
        facts: &[],
        allowed: &[
            (NEVER_BUSY, &["0 0 | 0 0"]),
            (ANY, &["0 0 | 0 0", "0 EBUSY | 0 0", "EBUSY 0 | 0 0", "EBUSY EBUSY | 0 0"]),
        ],
    },
    Scenario {
        name: "L12",
        kernels: NEWEST,
        start: Start { vcpus: 3, ..INITIALISED },
        threads: &[&[Revision(2)], &[VcpuIoctl(1)]],
        facts: &["rev"],
        allowed: &[(NEVER_BUSY, &["0 | 0 rev=2"]), (ANY, &["0 | 0 rev=2", "EBUSY | 0 rev=3"])],
    },
    Scenario {
        name: "L13",
        kernels: NEWEST,
        start: NOT_INITIALISED,
        threads: &[&[Revision(2)], &[GetRevision]],
        facts: &["rev"],
        allowed: &[(ANY, &["0 | rev2 rev=2", "0 | rev3 rev=2"])],
    },
    Scenario {
        name: "L14",
        kernels: NEWEST,
        start: PLACED,
        threads: &[&[Revision(2)], &[Init], &[Run(0)]],
        facts: &["rev"],
        allowed: &[
            (
                TRY_ALWAYS,
                &[
                    "0 | 0 | 0 rev=2",
                    "EBUSY | 0 | 0 rev=3",
                    "EBUSY-early | 0 | 0 rev=3",
                    "0 | 0 | EBUSY dead",
                    "EBUSY | 0 | EBUSY dead",
                    "EBUSY-early | 0 | EBUSY dead",
                    "EIO | 0 | EBUSY dead",
                    "0 | EIO | EBUSY dead",
                    "EBUSY-early | EIO | EBUSY dead",
                    "EIO | EIO | EBUSY dead",
                ],
            ),
            (
                TRY_LATER,
                &[
                    "0 | 0 | 0 rev=2",
                    "EBUSY | 0 | 0 rev=3",
                    "0 | 0 | EBUSY dead",
                    "EBUSY | 0 | EBUSY dead",
                    "EIO | 0 | EBUSY dead",
                    "0 | EIO | EBUSY dead",
                    "EIO | EIO | EBUSY dead",
                ],
            ),
            (
                NEVER_BUSY,
                &[
                    "0 | 0 | 0 rev=2",
                    "0 | 0 | EBUSY dead",
                    "EIO | 0 | EBUSY dead",
                    "0 | EIO | EBUSY dead",
                    "EIO | EIO | EBUSY dead",
                ],
            ),
        ],
    },
    Scenario {
        name: "L15",
        kernels: NEWEST,
        start: NOT_INITIALISED,
        threads: &[&[Revision(2), Revision(3)], &[Init], &[VcpuIoctl(0)]],
        facts: &[],
        allowed: &[
            (
                TRY_ALWAYS,
                &[
                    "0 0 | 0 | 0",
                    "0 EBUSY | 0 | 0",
                    "0 EBUSY-early | 0 | 0",
                    "EBUSY 0 | 0 | 0",
                    "EBUSY-early 0 | 0 | 0",
                    "EBUSY EBUSY | 0 | 0",
                    "EBUSY-early EBUSY | 0 | 0",
                    "EBUSY-early EBUSY-early | 0 | 0",
                ],
            ),
            (TRY_LATER, &["0 0 | 0 | 0", "0 EBUSY | 0 | 0", "EBUSY 0 | 0 | 0", "EBUSY EBUSY | 0 | 0"]),
            (NEVER_BUSY, &["0 0 | 0 | 0"]),
        ],
    },
    Scenario {
        name: "L16",
        kernels: NEWEST,
        start: Start { vcpus: 0, ..NOT_INITIALISED },
        threads: &[&[Revision(2)], &[NewVcpu(0)]],
        facts: &["rev"],
        allowed: &[(&[DeviceLevel, WithoutVcpu], &["0 | 0 rev=2"]), (ANY, &["0 | 0 rev=2", "EINVAL | 0 rev=3"])],
    },
    Scenario {
        name: "L17",
        kernels: NEWEST,
        start: NOT_INITIALISED,
        threads: &[&[Init], &[Init]],
        facts: &["irqs"],
        allowed: &[(ANY, &["0 | 0 irqs=256"])],
    },
    Scenario {
        name: "L18",
        kernels: NEWEST,
        start: NOT_INITIALISED,
        threads: &[&[Interrupts(64)], &[Init]],
        facts: &["irqs"],
        allowed: &[(ANY, &["0 | 0 irqs=64", "EBUSY | 0 irqs=256"])],
    },
    Scenario {
        name: "L19",
        kernels: NEWEST,
        start: NOT_INITIALISED,
        threads: &[&[ItsAddress(0x10_0000)], &[ItsAddress(0x20_0000)]],
        facts: &["its"],
        allowed: &[(
            ANY,
            &["0 | EEXIST its=0x100000", "0 | EBUSY its=0x100000", "EEXIST | 0 its=0x200000", "EBUSY | 0 its=0x200000"],
        )],
    },
    Scenario {
        name: "L20",
        kernels: &[&Kernel::V7_2, &Kernel::V7_3],
        start: NOT_INITIALISED,
        threads: &[&[Redist], &[NewVcpu(1)], &[Run(0)]],
        facts: &[],
        // Without a distributor's address the run kills the VM; that nobody waits for ever is the point.
        allowed: &[(ANY, &["0 | 0 | ENXIO", "EIO | 0 | ENXIO", "0 | EIO | ENXIO", "EIO | EIO | ENXIO"])],
    },
    Scenario {
        name: "L21",
        kernels: NEWEST,
        start: INITIALISED,
        threads: &[&[SavePending], &[Run(0)]],
        facts: &[],
        allowed: &[(ANY, &["0 | 0", "EBUSY | 0"])],
    },
    Scenario {
        name: "L24",
        kernels: NEWEST,
        start: Start { vgic: false, ..NOT_INITIALISED },
        threads: &[&[CreateVgic], &[VcpuIoctl(0)]],
        facts: &[],
        allowed: &[(ANY, &["0 | 0", "EBUSY | 0"])],
    },
];
