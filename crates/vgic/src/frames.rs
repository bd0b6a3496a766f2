//! The frames as guests see them: the GIC's own, but for the words in which KVM's differ, as long as it is KVM's product.

use crate::address::FRAME;
use crate::config::Config;
use crate::regions::{Placement, STRIDE};
use crate::registers::{dist, redist};
use crate::vcpus::Vcpu;
use crate::vm::Vm;
use gic::{Product, Security};
use hw::{AccessSize, MmioDevice};
use std::ops::Range;
use std::sync::{Arc, Weak};

/// What a guest reads of a word, from the configuration, the vCPU it belongs to, and what the GIC says.
pub(crate) type GuestRead = fn(&Config, &Vcpu, u32) -> u32;
/// What its write to a vCPU's word at an offset does to the configuration, and what then reaches the GIC, if anything.
pub(crate) type GuestWrite = fn(&mut Config, usize, u32, u32) -> Option<u32>;

/// The DeviceID of a vCPU that writes GITS_TRANSLATER itself.
const VCPU_DEVICE: u32 = 0xffff;

/// GICD, or GICR of every vCPU in order of index.
struct Frames {
    /// The VM may be gone before its bus is.
    vm: Weak<Vm>,
    inner: Arc<dyn MmioDevice>,
    /// Bytes of one vCPU's.
    stride: u64,
    /// Whose is first.
    first: usize,
    /// By offset; the rest takes no lock of ours.
    read: fn(u32) -> Option<GuestRead>,
    write: fn(u32) -> Option<GuestWrite>,
}

impl Vm {
    /// The distributor's frame, for the guest's bus. `None` before initialisation.
    pub fn distributor(self: &Arc<Self>) -> Option<Arc<dyn MmioDevice>> {
        let inner = self.gic.get()?.distributor();
        let (vm, stride, first) = (Arc::downgrade(self), u64::MAX, 0);
        Some(self.as_product(Frames { vm, inner, stride, first, read: dist::guest_read, write: dist::guest_write }))
    }

    /// The redistributors' frames, 128 KiB for each vCPU in order of index; which address each has is a matter of
    /// regions. `None` before initialisation.
    pub fn redistributors(self: &Arc<Self>) -> Option<Arc<dyn MmioDevice>> {
        self.redistributors_of(0..self.vcpus.online())
    }

    /// The frames of some vCPUs, which are one region.
    pub fn redistributors_of(self: &Arc<Self>, vcpus: Range<usize>) -> Option<Arc<dyn MmioDevice>> {
        let (stride, first) = (STRIDE, vcpus.start);
        let inner = self.gic.get()?.redistributors_of(vcpus, Security::NonSecure);
        let vm = Arc::downgrade(self);
        Some(self.as_product(Frames { vm, inner, stride, first, read: redist::guest_read, write: redist::guest_write }))
    }

    /// Every frame that guests have by now: its address, its size, and what answers. Empty before initialisation.
    pub fn frames(self: &Arc<Self>) -> Vec<(u64, u64, Arc<dyn MmioDevice>)> {
        let Some(distributor) = self.distributor() else { return vec![] };
        let config = self.config.lock();
        let dist = config.dist.as_ref().expect("it is initialised");
        let mut frames: Vec<_> = dist.base.map(|base| (base, FRAME, distributor)).into_iter().collect();
        for (index, cpu) in config.cpus.iter().enumerate() {
            let Some(Placement { region, slot }) = cpu.placed else { continue };
            let base = dist.regions[region].base + u64::from(slot) * STRIDE;
            frames.extend(self.redistributors_of(index..index + 1).map(|it| (base, STRIDE, it)));
        }
        let itss = config.itss.iter().filter_map(|its| Some((its.base()?, its.live()?)));
        frames.extend(itss.map(|(base, its)| (base, gic::Its::frames_size(), its.frames(VCPU_DEVICE))));
        frames
    }

    /// How many [`Vm::frames`] there are: they only ever become more.
    pub fn frames_count(&self) -> usize {
        let config = self.config.lock();
        let Some(dist) = config.dist.as_ref().filter(|dist| dist.live.is_some()) else { return 0 };
        let itss = config.itss.iter().filter(|its| its.base().is_some() && its.live().is_some());
        let placed = config.cpus.iter().filter(|cpu| cpu.placed.is_some());
        usize::from(dist.base.is_some()) + placed.count() + itss.count()
    }

    fn as_product(&self, frames: Frames) -> Arc<dyn MmioDevice> {
        match self.spec.features.product {
            Product::Kvm => Arc::new(frames),
            _ => frames.inner,
        }
    }
}

impl Frames {
    /// The word at an offset, of which the GIC says `inner`.
    fn word(&self, offset: u64, inner: u32) -> u32 {
        let read = (self.read)((offset % self.stride) as u32);
        let Some((read, vm)) = read.zip(self.vm.upgrade()) else { return inner };
        let vcpu = vm.vcpu(self.first + (offset / self.stride) as usize);
        vcpu.map_or(inner, |vcpu| read(&vm.config.lock(), vcpu, inner))
    }

    fn is_ours(&self, offset: u64) -> bool {
        (self.write)((offset % self.stride) as u32).is_some()
    }

    /// By a PE, if it is said which; is it on its way?
    fn write_word(&self, by: Option<usize>, offset: u64, value: u32) -> bool {
        let within = (offset % self.stride) as u32;
        let pe = self.first + (offset / self.stride) as usize;
        let reaches = match (self.write)(within).zip(self.vm.upgrade()) {
            Some((write, vm)) => write(&mut vm.config.lock(), pe, within, value),
            None => Some(value),
        };
        reaches.is_some_and(|value| self.pass_on(by, offset, AccessSize::Word, value.into()))
    }

    fn pass_on(&self, by: Option<usize>, offset: u64, size: AccessSize, value: u64) -> bool {
        match by {
            Some(pe) => return self.inner.write_by(pe, offset, size, value),
            None => self.inner.write(offset, size, value),
        }
        false
    }

    fn accept(&self, by: Option<usize>, offset: u64, size: AccessSize, value: u64) -> bool {
        match size {
            AccessSize::Word => self.write_word(by, offset, value as u32),
            AccessSize::Double if self.is_ours(offset) && self.is_ours(offset + 4) => {
                let low = self.write_word(by, offset, value as u32);
                self.write_word(by, offset + 4, (value >> 32) as u32) || low
            }
            _ => self.pass_on(by, offset, size, value),
        }
    }

    /// What a read gives where the GIC says `inner`.
    fn seen(&self, offset: u64, size: AccessSize, inner: u64) -> u64 {
        match size {
            AccessSize::Word => self.word(offset, inner as u32).into(),
            AccessSize::Double => {
                let high = self.word(offset + 4, (inner >> 32) as u32);
                u64::from(self.word(offset, inner as u32)) | u64::from(high) << 32
            }
            _ => inner,
        }
    }
}

impl MmioDevice for Frames {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn read(&self, offset: u64, size: AccessSize) -> u64 {
        self.seen(offset, size, self.inner.read(offset, size))
    }

    fn write(&self, offset: u64, size: AccessSize, value: u64) {
        self.accept(None, offset, size, value);
    }

    fn read_by(&self, pe: usize, offset: u64, size: AccessSize) -> u64 {
        self.seen(offset, size, self.inner.read_by(pe, offset, size))
    }

    fn write_by(&self, pe: usize, offset: u64, size: AccessSize, value: u64) -> bool {
        self.accept(Some(pe), offset, size, value)
    }

    fn reset(&self) {
        self.inner.reset();
    }
}
