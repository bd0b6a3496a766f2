//! A VM: its locks, its vCPUs, and whether it is still alive.

use crate::config::{Config, Cpu};
use crate::errno::{Errno, Refusal};
use crate::flags::{Number, Once};
use crate::kernel::{Host, Kernel};
use crate::locks::{Call, Lock, LockState, Rank};
use crate::protocol::LockProtocol;
use crate::regions;
use crate::vcpus::{Vcpu, VcpuState, Vcpus};
use gic::{Features, Gic, LpiCache, MAX_PES, OnError, Product};
use hw::GuestMemory;
use std::sync::{Arc, OnceLock};
use sync::Attention;

/// What a VM is made of.
pub struct VmSpec {
    /// Which Linux it behaves like.
    pub kernel: &'static Kernel,
    /// What it runs on.
    pub host: Host,
    /// How register accesses lock; `set_protocol` changes it.
    pub protocol: LockProtocol,
    /// Guest memory, where tables are.
    pub memory: Arc<dyn GuestMemory>,
    /// What the GIC has beyond KVM's. With [`Product::Kvm`] it is KVM's to the bit, at reset and through the interface.
    pub features: Features,
    /// How many SPIs there are from the start, for numbers that NR_IRQS would refuse. KVM leaves it open.
    pub spis: Option<u32>,
    /// GICR_TYPER.DirectLPI, which KVM does not have.
    pub direct_lpis: bool,
    /// When redistributors read the configuration of LPIs. KVM keeps it, too.
    pub lpi_cache: LpiCache,
    /// What a command error does to the queue of an ITS. KVM passes over such a command.
    pub its_errors: OnError,
}

impl VmSpec {
    /// The newest Linux with its own protocol, on an ordinary host.
    pub fn new(memory: Arc<dyn GuestMemory>) -> VmSpec {
        let features = Features { product: Product::Kvm, ..Features::default() };
        VmSpec {
            kernel: &Kernel::V7_3,
            host: Host::default(),
            protocol: LockProtocol::Upstream,
            memory,
            features,
            spis: None,
            direct_lpis: false,
            lpi_cache: LpiCache::default(),
            its_errors: OnError::default(),
        }
    }
}

/// A VM. Shared by the threads of a VMM; every method may be called from any of them.
pub struct Vm {
    pub(crate) spec: VmSpec,
    protocol: Number,
    /// One vCPU is made at a time, also where K is let go meanwhile.
    creation: Lock<()>,
    /// K.
    pub(crate) kvm: Lock<()>,
    /// S.
    pub(crate) slots: Lock<()>,
    /// C.
    pub(crate) config: Lock<Config>,
    pub(crate) vcpus: Vcpus,
    /// A VGIC was created. Set under C.
    pub(crate) has_vgic: Once,
    /// GICD_IIDR.Revision, for who needs no lock. C protects it.
    pub(crate) revision: Number,
    /// The GIC that guests run on, from initialisation on, for who needs no lock.
    pub(crate) gic: OnceLock<Arc<Gic>>,
    /// The VGIC is initialised. Set under C.
    pub(crate) initialised: Once,
    /// The first `KVM_RUN` has mapped it. Set under C.
    pub(crate) ready: Once,
    /// A first run has failed; everything fails from now on.
    pub(crate) dead: Once,
}

impl Vm {
    /// A VM without vCPUs and devices.
    pub fn new(spec: VmSpec) -> Arc<Vm> {
        let protocol = Number::new(spec.protocol as u32);
        Arc::new(Vm {
            spec,
            protocol,
            creation: Lock::new(Rank::Creation, ()),
            kvm: Lock::new(Rank::Vm, ()),
            slots: Lock::new(Rank::Slots, ()),
            config: Lock::new(Rank::Config, Config::default()),
            vcpus: Vcpus::new(),
            has_vgic: Once::new(),
            revision: Number::new(0),
            gic: OnceLock::new(),
            initialised: Once::new(),
            ready: Once::new(),
            dead: Once::new(),
        })
    }

    /// Its locks: K, every V, S and C. A moment later they may be otherwise.
    pub fn locks(&self) -> Vec<LockState> {
        let vcpus = self.vcpus.iter().map(|vcpu| vcpu.lock.state(format!("V{}", vcpu.index)));
        let mut locks = vec![self.kvm.state("K")];
        locks.extend(vcpus.chain([self.slots.state("S"), self.config.state("C")]));
        locks
    }

    /// How register accesses lock from now on.
    pub fn set_protocol(&self, protocol: LockProtocol) {
        self.protocol.set(protocol as u32);
    }

    /// How register accesses lock.
    pub fn protocol(&self) -> LockProtocol {
        LockProtocol::ALL[self.protocol.get() as usize]
    }

    /// The Linux it behaves like.
    pub fn kernel(&self) -> &'static Kernel {
        self.spec.kernel
    }

    /// The GIC that guests run on, without a lock: to wire devices to it, and for tools that look at it while guests run
    /// (`describe`, `raw_read`). `None` before initialisation.
    pub fn gic(&self) -> Option<&Arc<Gic>> {
        self.gic.get()
    }

    /// Is the VGIC initialised?
    pub fn is_initialised(&self) -> bool {
        self.initialised.is_set()
    }

    /// Has a first run failed, so that everything fails with `EIO`?
    pub fn is_dead(&self) -> bool {
        self.dead.is_set()
    }

    pub(crate) fn check_alive(&self) -> Result<(), Refusal> {
        match self.dead.is_set() {
            true => Err(Errno::Io.because("the VM is dead: the first run of a vCPU has failed")),
            false => Ok(()),
        }
    }

    /// The vCPU at this place in the order of creation.
    pub fn vcpu(&self, index: usize) -> Option<&Arc<Vcpu>> {
        self.vcpus.get(index)
    }

    /// `KVM_CREATE_VCPU`.
    pub fn create_vcpu(&self, id: u32) -> Result<Arc<Vcpu>, Refusal> {
        let _call = Call::CreateVcpu.begins();
        self.check_alive()?;
        let in_one = self.spec.kernel.create_vcpu_in_one;
        let _creation = self.creation.lock();
        let mut kvm = Some(self.kvm.lock());
        if id as usize >= MAX_PES {
            return Err(Errno::Inval.because("a vCPU id is below KVM_MAX_VCPU_IDS").about(id.into()));
        }
        let index = self.vcpus.created();
        if index >= MAX_PES {
            return Err(Errno::Inval.because("the VM has as many vCPUs as it can have").about(index as u64));
        }
        if in_one {
            self.check_new(id)?;
        }
        self.count_vcpu(index)?;
        // Versions that let go of K here have nothing to protect but the count, which was raised.
        if !in_one {
            kvm = None;
        }
        let vcpu = Arc::new(Vcpu::new(id, index, Arc::new(Attention::new())));
        let made = self.give_redistributor(&vcpu);
        let _kvm = kvm.unwrap_or_else(|| self.kvm.lock());
        let made = if in_one { made } else { made.and_then(|()| self.check_new(id)) };
        if let Err(refusal) = made {
            let _slots = self.slots.lock();
            let mut config = self.config.lock();
            regions::take_back(&mut config, index);
            config.cpus.pop();
            self.vcpus.set_created(index);
            return Err(refusal);
        }
        self.vcpus.publish(vcpu.clone());
        Ok(vcpu)
    }

    fn check_new(&self, id: u32) -> Result<(), Refusal> {
        match self.vcpus.iter().any(|vcpu| vcpu.id == id) {
            true => Err(Errno::Exist.because("a vCPU with this id exists").about(id.into())),
            false => Ok(()),
        }
    }

    /// Linux looks whether the VGIC is initialised under K, and initialisation looks under C whether a vCPU is being
    /// created: a vCPU can slip in that is never reset. Here both happen under C, with the same error numbers.
    fn count_vcpu(&self, index: usize) -> Result<(), Refusal> {
        let mut config = self.config.lock();
        if config.initialised() {
            return Err(Errno::Busy.because("the VGIC is initialised, so the VM can have no more vCPUs"));
        }
        self.vcpus.set_created(index + 1);
        config.cpus.push(Cpu::default());
        Ok(())
    }

    fn give_redistributor(&self, vcpu: &Vcpu) -> Result<(), Refusal> {
        let _slots = self.slots.lock();
        let mut config = self.config.lock();
        match config.dist.is_some() {
            true => regions::place(self, &mut config, vcpu.index),
            false => Ok(()),
        }
    }

    /// An ioctl of a vCPU: `work` happens under its lock.
    pub(crate) fn vcpu_ioctl<R>(&self, vcpu: &Vcpu, work: impl FnOnce(&mut VcpuState) -> R) -> Result<R, Refusal> {
        let _call = Call::VcpuIoctl.begins();
        self.check_alive()?;
        Ok(work(&mut vcpu.lock.lock()))
    }

    /// `KVM_ARM_VCPU_INIT`, with EL2 or without.
    pub fn initialise_vcpu(&self, vcpu: &Vcpu, el2: bool) -> Result<(), Refusal> {
        self.vcpu_ioctl(vcpu, |state| vcpu.initialise(state, el2))
    }

    /// Any other ioctl of a vCPU that leaves the VGIC alone, such as `KVM_GET_ONE_REG`: `work` happens under its lock.
    pub fn with_vcpu<R>(&self, vcpu: &Vcpu, work: impl FnOnce() -> R) -> Result<R, Refusal> {
        self.vcpu_ioctl(vcpu, |_| work())
    }
}
