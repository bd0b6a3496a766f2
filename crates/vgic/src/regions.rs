//! Regions of redistributors, and which vCPU's is where.
//!
//! A region has room for a count of redistributors, or, the older way, is the only one and grows with the vCPUs. vCPUs
//! get theirs in order of creation, as soon as both they and the room exist.

use crate::address::{FRAME, check_range, overlap};
use crate::config::{Config, Dist};
use crate::errno::{Errno, Refusal};
use crate::locks::Guard;
use crate::vm::Vm;

/// Bytes of one redistributor: RD_base and SGI_base.
pub(crate) const STRIDE: u64 = 2 * FRAME;

/// A region of redistributors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region {
    pub base: u64,
    /// How many it has room for; 0: as many as there are.
    pub count: u32,
    /// How many are in it.
    pub used: u32,
}

/// Where a vCPU's redistributor is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Placement {
    pub region: usize,
    pub slot: u32,
}

/// A value of KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION: count in bits 63:52, base in 51:16, flags in 15:12, index in 11:0.
#[derive(Clone, Copy)]
pub(crate) struct RegionValue {
    pub index: u32,
    pub base: u64,
    pub count: u32,
}

impl RegionValue {
    const INDEX: u64 = 0xfff;

    pub fn parse(value: u64) -> Result<RegionValue, Refusal> {
        let count = (value >> 52) as u32;
        if count == 0 {
            return Err(Errno::Inval.because("a region has room for at least one redistributor"));
        }
        if value >> 12 & 0xf != 0 {
            return Err(Errno::Inval.because("the flags of a region are 0").about(value >> 12 & 0xf));
        }
        Ok(RegionValue { index: (value & Self::INDEX) as u32, base: value & 0x000f_ffff_ffff_0000, count })
    }
}

impl Region {
    /// Bytes, while there are `vcpus`.
    pub fn size(&self, vcpus: usize) -> u64 {
        size(self.count, vcpus)
    }

    fn has_room(&self) -> bool {
        self.count == 0 || self.used < self.count
    }
}

fn size(count: u32, vcpus: usize) -> u64 {
    let redistributors = if count == 0 { vcpus as u64 } else { count.into() };
    redistributors * STRIDE
}

/// What GET says of the region whose index the caller wrote.
pub(crate) fn describe(dist: &Dist, asked: u64) -> Result<u64, Refusal> {
    let index = asked & RegionValue::INDEX;
    let region = dist.regions.get(index as usize);
    let region = region.ok_or(Errno::NoEnt.because("no region has this index").about(index))?;
    Ok(index | region.base | u64::from(region.count) << 52)
}

/// Adds a region and puts redistributors into it that had no room yet. Where one cannot be put, nothing has changed;
/// upstream also takes those of earlier regions off its bus, which we do not imitate.
pub(crate) fn add(vm: &Vm, _slots: &Guard<()>, new: RegionValue) -> Result<(), Refusal> {
    let mut config = vm.config.lock();
    let vcpus = vm.vcpus.online();
    append(vm, &mut config, vcpus, new)?;
    // Upstream lets go of C here and takes it for each: nothing that S protects can change meanwhile.
    let before: Vec<_> = config.cpus.iter().map(|cpu| cpu.placed).collect();
    let placed = (0..vcpus).try_for_each(|index| place(vm, &mut config, index));
    if placed.is_err() {
        config.cpus.iter_mut().zip(before).for_each(|(cpu, before)| cpu.placed = before);
        dist(&mut config).regions.pop();
    }
    placed
}

fn dist(config: &mut Config) -> &mut Dist {
    config.dist.as_mut().expect("the device exists")
}

fn append(vm: &Vm, config: &mut Config, vcpus: usize, new: RegionValue) -> Result<(), Refusal> {
    let RegionValue { index, base, count } = new;
    let dist = dist(config);
    let size = size(count, vcpus);
    if base.checked_add(size).is_none() {
        return Err(Errno::Inval.because("the region wraps around").about(base));
    }
    let order = Errno::Inval.because("regions are added in order of index").about(index.into());
    match dist.regions.last() {
        None if index != 0 => return Err(order),
        None => {}
        Some(last) if count == 0 && last.count != 0 => {
            return Err(Errno::Inval.because("there are regions with a count, so REDIST cannot be set"));
        }
        Some(_) if count == 0 => return Err(Errno::Exist.because("REDIST is set already")),
        Some(_) if index as usize != dist.regions.len() => return Err(order),
        Some(_) => {}
    }
    if count == 0 && dist.base.is_some_and(|at| overlap((at, FRAME), (base, size))) {
        return Err(Errno::Inval.because("the redistributors overlap the distributor").about(base));
    }
    if dist.regions.iter().any(|region| overlap((region.base, region.size(vcpus)), (base, size))) {
        return Err(Errno::Inval.because("the region overlaps another").about(base));
    }
    check_range(vm, false, base, FRAME, size)?;
    dist.regions.push(Region { base, count, used: 0 });
    Ok(())
}

/// Gives a vCPU's redistributor its place, if it has none and there is room.
pub(crate) fn place(vm: &Vm, config: &mut Config, index: usize) -> Result<(), Refusal> {
    if config.cpus[index].placed.is_some() {
        return Ok(());
    }
    let Some(region) = dist(config).regions.iter().position(Region::has_room) else { return Ok(()) };
    check_layout(vm, dist(config))?;
    let room = &mut dist(config).regions[region];
    let slot = room.used;
    room.used += 1;
    config.cpus[index].placed = Some(Placement { region, slot });
    Ok(())
}

/// Takes back the place of a vCPU that does not come to be: the last that was given.
pub(crate) fn take_back(config: &mut Config, index: usize) {
    if let Some(placed) = config.cpus[index].placed.take() {
        dist(config).regions[placed.region].used -= 1;
    }
}

/// Do the frames fit where they are said to be?
pub(crate) fn check_layout(vm: &Vm, dist: &Dist) -> Result<(), Refusal> {
    let vcpus = vm.vcpus.online();
    let wrong = Errno::Inval.because("the distributor wraps around, or redistributors overlap it or are out of range");
    let wraps = dist.base.is_some_and(|base| base.checked_add(FRAME).is_none());
    let fits = |region: &Region| {
        let size = region.size(vcpus);
        let apart = dist.base.is_none_or(|base| !overlap((base, FRAME), (region.base, size)));
        apart && check_range(vm, false, region.base, FRAME, size).is_ok()
    };
    if !wraps && dist.regions.iter().all(fits) { Ok(()) } else { Err(wrong) }
}

/// GICR_TYPER.Last: of a placed redistributor after which no other follows directly.
pub(crate) fn is_last(config: &Config, index: usize) -> bool {
    let (Some(dist), Some(placed)) = (&config.dist, config.cpus[index].placed) else { return false };
    let region = dist.regions[placed.region];
    if placed.slot + 1 != region.used {
        return false;
    }
    let full = region.count != 0 && placed.slot + 1 == region.count;
    let end = region.base + u64::from(region.count) * STRIDE;
    let continued = || dist.regions.iter().any(|next| next.base == end && next.used > 0);
    !(full && continued())
}
