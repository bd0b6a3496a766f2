//! The GIC as the board holds it: made from a spec, driven by wires, mapped as two devices.

use crate::fidelity::Watch;
use crate::map::Security;
use crate::posted::Unit;
use crate::power::Power;
use crate::spec::{Features, GicError, GicSpec};
use crate::{cpuif::CpuInterface, dist, ids, late, lpi::Lpis, redist, route::Routes, state::State};
use hw::{IntId, IrqLine, MmioDevice, Wire};
use std::{ops::Range, sync::Arc};

/// A GICv3. Shared by all threads; every method may be called from any of them unless it says otherwise.
pub struct Gic {
    pub(crate) state: State,
    pub(crate) routes: Routes,
    pub(crate) features: Features,
    pub(crate) watch: Watch,
    pub(crate) power: Power,
    pub(crate) late: late::Queue,
}

impl Gic {
    /// A GIC at power-on, with every wire low.
    pub fn new(spec: GicSpec) -> Result<Arc<Gic>, GicError> {
        spec.check()?;
        let lpis = spec.lpis.clone().map(|lpis| Box::new(Lpis::new(lpis, spec.pes.len())));
        let routes = Routes::new(spec.pes.iter().map(|pe| pe.affinity).collect());
        let absent = spec.features.absent.iter().filter_map(|id| ids::place(id.0)).collect();
        let state = State::new(spec.layout(), absent, spec.features.two_states, spec.pes, lpis);
        state.reset(&routes);
        let watch = Watch::new(spec.features.fidelity, state.pes());
        let power = Power::new(spec.features.product, state.pes());
        Ok(Arc::new(Gic { state, routes, features: spec.features, watch, power, late: Default::default() }))
    }

    /// GICR_TYPER.Processor_Number.
    pub(crate) fn number(&self, pe: usize) -> u32 {
        self.features.numbers.get(pe).copied().unwrap_or(pe as u32)
    }

    /// The PE with a processor number.
    pub(crate) fn numbered(&self, number: u64) -> Option<usize> {
        match &self.features.numbers[..] {
            [] => usize::try_from(number).ok().filter(|&pe| pe < self.state.pes()),
            numbers => numbers.iter().position(|&n| u64::from(n) == number),
        }
    }

    /// Back to power-on, except that wires keep their level: they are the devices'. Only while all vCPUs are
    /// stopped; each then resets its own [`CpuInterface`].
    pub fn reset(&self) {
        self.state.reset(&self.routes);
        self.reset_lpis();
        self.power.reset();
        self.reset_late();
    }

    /// The wire of a shared interrupt is now `high`.
    ///
    /// # Panics
    /// If the board wires an interrupt it did not ask for in its [`GicSpec`].
    #[inline]
    pub fn set_spi(&self, id: IntId, high: bool) {
        self.state.update(0, self.shared(id), |word| word.wire(high));
    }

    /// The wire of a private peripheral interrupt of one PE is now `high`.
    ///
    /// # Panics
    /// If there is no such PE or PPI: the board's wiring is wrong.
    #[inline]
    pub fn set_ppi(&self, pe: usize, id: IntId, high: bool) {
        let place = ids::place(id.0).filter(|&n| n >= 16 && ids::is_private(n));
        let place = place.filter(|&n| self.state.layout().home(n).is_some());
        let place = place.unwrap_or_else(|| panic!("{id:?} is no PPI of this GIC"));
        self.state.update(pe, place, |word| word.wire(high));
    }

    /// The level of a wire is put back, of a PPI or an SPI: a line that becomes high so is no edge. Others are left alone.
    pub fn restore_line(&self, pe: usize, id: IntId, high: bool) {
        let wired = |n: &u32| (*n >= 16 || !ids::is_private(*n)) && self.state.layout().home(*n).is_some();
        if let Some(place) = ids::place(id.0).filter(wired) {
            self.state.update(pe, place, |word| word.with_line(high));
        }
    }

    /// The place of a shared interrupt that the board may wire.
    #[inline]
    fn shared(&self, id: IntId) -> u32 {
        let layout = self.state.layout();
        // An SPI's place is its INTID.
        if id.0.wrapping_sub(ids::PRIVATE) < layout.spis {
            return id.0;
        }
        ids::place(id.0)
            .filter(|&n| !ids::is_private(n) && layout.home(n).is_some())
            .unwrap_or_else(|| panic!("{id:?} is no SPI of this GIC: see GicSpec::spis"))
    }

    /// The wire of a shared interrupt, to give to a device.
    pub fn spi_line(self: &Arc<Self>, id: IntId) -> IrqLine {
        self.shared(id);
        IrqLine::new(Arc::new(SpiWire { gic: self.clone(), id }))
    }

    /// The GICD frame, 64 KiB, as Non-secure accesses see it; with one security state, as all do.
    pub fn distributor(self: &Arc<Self>) -> Arc<dyn MmioDevice> {
        self.distributor_for(Security::NonSecure)
    }

    /// The GICD frame, as accesses of one security state see it.
    pub fn distributor_for(self: &Arc<Self>, security: Security) -> Arc<dyn MmioDevice> {
        self.posting(Unit::Distributor, Arc::new(dist::Distributor(self.clone(), security)))
    }

    /// The PEs of each region of redistributors.
    pub fn regions(&self) -> impl Iterator<Item = Range<usize>> {
        let all = [self.state.pes()];
        let sizes = if self.features.regions.is_empty() { all.to_vec() } else { self.features.regions.clone() };
        sizes.into_iter().scan(0, |first, n| {
            *first += n;
            Some(*first - n..*first)
        })
    }

    /// The GICR frames of all PEs, one after another, whatever their regions; see `distributor`.
    pub fn redistributors(self: &Arc<Self>) -> Arc<dyn MmioDevice> {
        self.redistributors_for(Security::NonSecure)
    }

    /// The same, as accesses of one security state see them.
    pub fn redistributors_for(self: &Arc<Self>, security: Security) -> Arc<dyn MmioDevice> {
        self.redistributors_of(0..self.state.pes(), security)
    }

    /// The GICR frames of some PEs, one after another, 128 KiB each.
    pub fn redistributors_of(self: &Arc<Self>, pes: Range<usize>, security: Security) -> Arc<dyn MmioDevice> {
        let first = Unit::Redistributor(pes.start);
        self.posting(first, Arc::new(redist::Redistributors { gic: self.clone(), security, pes }))
    }

    /// Bytes of address space that all redistributors take: RD_base and SGI_base of each PE.
    pub fn redistributor_region_size(&self) -> u64 {
        self.state.pes() as u64 * redist::STRIDE
    }

    /// The CPU interface of one PE, for its vCPU thread to own.
    ///
    /// # Panics
    /// If there is no such PE, or its interface is already owned.
    pub fn cpu_interface(self: &Arc<Self>, pe: usize) -> CpuInterface {
        assert!(pe < self.state.pes(), "no PE {pe}: see GicSpec::pes");
        assert!(self.state.claim(pe), "the CPU interface of PE {pe} has one owner");
        CpuInterface::new(self.clone(), pe)
    }
}

struct SpiWire {
    gic: Arc<Gic>,
    id: IntId,
}

impl Wire for SpiWire {
    fn set(&self, high: bool) {
        self.gic.set_spi(self.id, high);
    }
}
