//! The physical address map: which RAM or which device answers at an address.

use crate::{CodePages, HostAddr, Ram};
use hw::{AccessSize, MmioDevice, PhysAddr, Requester};
use std::sync::Arc;

/// Two regions of the map claim the same addresses, or RAM is mapped out of range.
#[derive(Debug, thiserror::Error)]
#[error("{name} at {base}, {size:#x} bytes, overlaps {other}; change the board's map")]
pub struct BusError {
    name: String,
    base: PhysAddr,
    size: u64,
    other: String,
}

struct Region {
    base: u64,
    size: u64,
    device: Arc<dyn MmioDevice>,
    /// What answers to Secure accesses, where that is another view.
    secure: Option<Arc<dyn MmioDevice>>,
}

/// What answers at a physical address.
pub enum Target<'b> {
    /// RAM; the host address is good for the rest of the 4 KiB page.
    Ram(HostAddr),
    /// A device, and the offset in its registers.
    Device(&'b dyn MmioDevice, u64),
}

/// RAM and devices by physical address. Built once, then shared and never changed.
pub struct Bus {
    ram: Ram,
    code: CodePages,
    devices: Vec<Region>, // sorted by base, disjoint
    /// By 64 KiB of the first 4 GiB: one more than the place of the only device there, 0 for none, `SEVERAL`.
    granules: Box<[u8]>,
}

/// log2 of a granule.
const GRANULE: u32 = 16;
/// More than one device, or more devices than can be told.
const SEVERAL: u8 = u8::MAX;

impl Bus {
    /// A map with RAM only.
    pub fn new(ram: Ram) -> Bus {
        let granules = vec![0; 1 << (32 - GRANULE)].into();
        let code = if ram.is_whole() { CodePages::new(ram.base(), ram.size()) } else { CodePages::anywhere() };
        Bus { code, ram, devices: Vec::new(), granules }
    }

    /// Puts `device` at `[base, base + size)`.
    pub fn map(&mut self, base: PhysAddr, size: u64, device: Arc<dyn MmioDevice>) -> Result<(), BusError> {
        let overlaps = |b: u64, s: u64| base.0 < b + s && b < base.0 + size;
        let clash = self.devices.iter().find(|r| overlaps(r.base, r.size)).map(|r| r.device.name().to_owned());
        let clash = clash.or(self.ram.overlaps(base, size).then(|| "RAM".to_owned()));
        if let Some(other) = clash {
            return Err(BusError { name: device.name().to_owned(), base, size, other });
        }
        let at = self.devices.partition_point(|r| r.base < base.0);
        self.devices.insert(at, Region { base: base.0, size, device, secure: None });
        self.index();
        Ok(())
    }

    /// Puts `secure`, another view of the device that is mapped at `base`, where Secure accesses find it.
    pub fn map_secure(&mut self, base: PhysAddr, secure: Arc<dyn MmioDevice>) {
        if let Some(region) = self.devices.iter_mut().find(|r| r.base == base.0) {
            region.secure = Some(secure);
        }
    }

    fn index(&mut self) {
        self.granules.fill(0);
        for (i, region) in self.devices.iter().enumerate() {
            let last = (region.base + region.size - 1) >> GRANULE;
            for granule in region.base >> GRANULE..=last {
                let Some(place) = self.granules.get_mut(granule as usize) else { break };
                *place = if *place == 0 && i + 1 < SEVERAL.into() { i as u8 + 1 } else { SEVERAL };
            }
        }
    }

    /// Guest RAM.
    #[inline(always)]
    pub fn ram(&self) -> &Ram {
        &self.ram
    }

    /// Which pages hold code, and when each last changed.
    #[inline(always)]
    pub fn code(&self) -> &CodePages {
        &self.code
    }

    /// What answers at `pa`; `None` is a decode error (the PE takes an external abort).
    #[inline]
    pub fn find(&self, pa: PhysAddr) -> Option<Target<'_>> {
        if let Some(host) = self.ram.host(pa) {
            return Some(Target::Ram(host));
        }
        self.device(pa).map(|(device, offset)| Target::Device(device, offset))
    }

    /// The device at `pa`, as Non-secure accesses find it, and the offset in its registers.
    #[inline]
    pub fn device(&self, pa: PhysAddr) -> Option<(&dyn MmioDevice, u64)> {
        self.device_for(pa, false)
    }

    /// The same for accesses of one security state.
    #[inline]
    pub fn device_for(&self, pa: PhysAddr, secure: bool) -> Option<(&dyn MmioDevice, u64)> {
        let at = match self.granules.get((pa.0 >> GRANULE) as usize) {
            Some(0) => return None,
            Some(&n) if n != SEVERAL => usize::from(n) - 1,
            _ => self.devices.partition_point(|r| r.base <= pa.0).checked_sub(1)?,
        };
        let region = &self.devices[at];
        let offset = pa.0.checked_sub(region.base)?;
        let device = match &region.secure {
            Some(view) if secure => view,
            _ => &region.device,
        };
        (offset < region.size).then_some((&**device, offset))
    }

    /// Every device, for reset and listings: base, size, device.
    pub fn devices(&self) -> impl Iterator<Item = (PhysAddr, u64, &dyn MmioDevice)> {
        self.devices.iter().map(|r| (PhysAddr(r.base), r.size, &*r.device))
    }

    /// A read as the bus does it, for page-table walks and tools; `None` is a decode error.
    /// `pa` is aligned to `size`.
    pub fn read(&self, pa: PhysAddr, size: AccessSize) -> Option<u64> {
        Some(match self.find(pa)? {
            Target::Ram(at) => self.ram.load(at, size),
            Target::Device(device, offset) => device.read(offset, size),
        })
    }

    /// `read` by a PE.
    pub fn read_for(&self, pa: PhysAddr, size: AccessSize, by: Requester) -> Option<u64> {
        match self.device_for(pa, by.secure) {
            Some((device, offset)) => Some(device.read_by(by.pe, offset, size)),
            None => self.read(pa, size),
        }
    }

    /// `write` by a PE; is it on its way (`MmioDevice::write_by`)?
    pub fn write_for(&self, pa: PhysAddr, size: AccessSize, value: u64, by: Requester) -> Option<bool> {
        match self.device_for(pa, by.secure) {
            Some((device, offset)) => Some(device.write_by(by.pe, offset, size, value)),
            None => self.write(pa, size, value).map(|()| false),
        }
    }

    /// A write as the bus does it; `None` is a decode error. `pa` is aligned to `size`.
    pub fn write(&self, pa: PhysAddr, size: AccessSize, value: u64) -> Option<()> {
        match self.find(pa)? {
            Target::Ram(at) => self.ram.store(at, size, value),
            Target::Device(device, offset) => device.write(offset, size, value),
        }
        Some(())
    }
}
