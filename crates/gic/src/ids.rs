//! INTIDs and places. A place is the position of an SGI, PPI, SPI, EPPI or ESPI in rows and arrays: dense, and in the
//! order of INTIDs, so that the lowest place is the lowest INTID.

use std::ops::Range;

/// Private interrupts of each PE: SGIs and PPIs, then EPPIs.
pub(crate) const PRIVATE: u32 = 32;
/// The place of the first EPPI, INTID 1056.
const EPPI: u32 = 1024;
/// The place of the first ESPI, INTID 4096.
const ESPI: u32 = 1088;

/// The place of the first LPI, INTID 8192. Theirs are in no array, but lead to INTIDs in order.
pub(crate) const LPI: u32 = 2112;
/// The first LPI's INTID.
pub(crate) const LPI_INTID: u32 = 8192;

/// INTIDs of extended PPIs.
pub(crate) const EPPIS: Range<u32> = 1056..1120;
/// INTIDs of extended SPIs.
pub(crate) const ESPIS: Range<u32> = 4096..5120;
/// INTIDs that SPIs can have; 1020 to 1023 are special.
pub(crate) const SPIS: Range<u32> = 32..1020;

/// The place of an INTID that is no LPI, whether this GIC implements it or not.
#[inline(always)]
pub(crate) fn place(intid: u32) -> Option<u32> {
    match intid {
        0..1020 => Some(intid),
        1056..1120 => Some(intid - EPPIS.start + EPPI),
        4096..5120 => Some(intid - ESPIS.start + ESPI),
        _ => None,
    }
}

/// The INTID at a place.
#[inline(always)]
pub(crate) fn intid(place: u32) -> u32 {
    match place {
        ..EPPI => place,
        EPPI..ESPI => place - EPPI + EPPIS.start,
        ESPI..LPI => place - ESPI + ESPIS.start,
        _ => place - LPI + LPI_INTID,
    }
}

/// Is it private to a PE (SGI, PPI, EPPI)?
#[inline(always)]
pub(crate) fn is_private(place: u32) -> bool {
    place < PRIVATE || (EPPI..ESPI).contains(&place)
}

/// Where the words of interrupts are: how many of each kind there are.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    /// SPIs from INTID 32: a multiple of 32, or 988.
    pub spis: u32,
    /// 0, 32 or 64.
    pub eppis: u32,
    /// A multiple of 32 up to 1024.
    pub espis: u32,
}

/// Whose array a word is in, and at which index.
pub(crate) enum Home {
    /// SGIs and PPIs of a PE.
    Private(usize),
    /// EPPIs of a PE.
    Extended(usize),
    Shared(usize),
}

impl Layout {
    /// Words that all PEs share.
    pub fn shared(&self) -> u32 {
        self.spis + self.espis
    }

    /// Places are below this.
    pub fn places(&self) -> u32 {
        match (self.espis, self.eppis) {
            (0, 0) => PRIVATE + self.spis,
            (0, eppis) => EPPI + eppis,
            (espis, _) => ESPI + espis,
        }
    }

    /// Where the word of a place is; `None` if there is no such interrupt.
    #[inline(always)]
    pub fn home(&self, place: u32) -> Option<Home> {
        if place < PRIVATE {
            return Some(Home::Private(place as usize));
        }
        let spi = place - PRIVATE;
        if spi < self.spis {
            return Some(Home::Shared(spi as usize));
        }
        match place {
            EPPI..ESPI if place - EPPI < self.eppis => Some(Home::Extended((place - EPPI) as usize)),
            ESPI.. if place - ESPI < self.espis => Some(Home::Shared((place - ESPI + self.spis) as usize)),
            _ => None,
        }
    }

    /// The places of all shared interrupts.
    pub fn shared_places(&self) -> impl Iterator<Item = u32> + use<> {
        (PRIVATE..PRIVATE + self.spis).chain(ESPI..ESPI + self.espis)
    }

    /// The places of all private interrupts of a PE.
    pub fn private_places(&self) -> impl Iterator<Item = u32> + use<> {
        (0..PRIVATE).chain(EPPI..EPPI + self.eppis)
    }
}

/// Which interrupts the fields of a frame are about, by their position in its arrays.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// GICD arrays: position is INTID; the first 32 are elsewhere (affinity routing is on).
    Shared,
    /// GICD arrays with an E: ESPIs.
    Extended,
    /// GICR SGI_base: SGIs, PPIs, EPPIs one after another.
    Private,
}

impl Span {
    /// The place of a position; `None` where the frame has no interrupt.
    pub fn place(self, position: u32) -> Option<u32> {
        match self {
            Span::Shared => SPIS.contains(&position).then_some(position),
            Span::Extended => (position < 1024).then_some(ESPI + position),
            Span::Private => match position {
                ..PRIVATE => Some(position),
                PRIVATE..96 => Some(position - PRIVATE + EPPI),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_dense_and_in_order() {
        let places: Vec<_> = (0..6000).filter_map(|id| place(id).map(|place| (id, place))).collect();
        assert_eq!(places.len(), 1020 + 64 + 1024);
        assert!(places.windows(2).all(|pair| pair[0].1 < pair[1].1));
        assert!(places.iter().all(|&(id, place)| intid(place) == id));
    }

    #[test]
    fn each_word_has_one_home() {
        for layout in [
            Layout { spis: 988, eppis: 64, espis: 1024 },
            Layout { spis: 64, eppis: 0, espis: 32 },
            Layout { spis: 32, eppis: 0, espis: 0 },
        ] {
            let mut homes: Vec<_> = (0..3000)
                .filter_map(|place| layout.home(place))
                .map(|home| match home {
                    Home::Private(n) => n as u32,
                    Home::Extended(n) => PRIVATE + n as u32,
                    Home::Shared(n) => PRIVATE + layout.eppis + n as u32,
                })
                .collect();
            homes.sort();
            assert_eq!(homes, (0..PRIVATE + layout.eppis + layout.shared()).collect::<Vec<_>>());
            assert!((layout.places()..3000).all(|place| layout.home(place).is_none()));
        }
    }
}
