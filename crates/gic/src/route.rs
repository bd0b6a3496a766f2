//! From affinities to PEs: which PE an affinity names, and which PEs an SGI list reaches.

use crate::spec::Affinity;

/// No PE has this affinity.
const ABSENT: u16 = u16::MAX;

/// The affinities of all PEs, arranged for lookup by cluster. Fixed once built.
pub(crate) struct Routes {
    /// Sorted by Aff3.Aff2.Aff1; each row gives the PE of every Aff0.
    clusters: Vec<(u32, Box<[u16; 256]>)>,
    /// The affinity of each PE.
    affinities: Vec<Affinity>,
}

impl Routes {
    pub fn new(affinities: Vec<Affinity>) -> Routes {
        let mut clusters: Vec<(u32, Box<[u16; 256]>)> = vec![];
        for (pe, affinity) in affinities.iter().enumerate() {
            let key = affinity.packed() >> 8;
            let at = clusters.binary_search_by_key(&key, |c| c.0).unwrap_or_else(|at| {
                clusters.insert(at, (key, Box::new([ABSENT; 256])));
                at
            });
            clusters[at].1[usize::from(affinity.aff0)] = pe as u16;
        }
        Routes { clusters, affinities }
    }

    pub fn affinity(&self, pe: usize) -> Affinity {
        self.affinities[pe]
    }

    /// The PE with this Aff3.Aff2.Aff1.Aff0.
    pub fn find(&self, packed: u32) -> Option<usize> {
        let row = self.cluster(packed >> 8)?;
        present(row[packed as usize & 0xff])
    }

    /// The PEs of an SGI target list: bit n is Aff0 = 16·`range` + n. A bit without a PE is ignored
    /// (IHI 0069, ICC_SGI1R_EL1.TargetList).
    pub fn list(&self, cluster: u32, range: u32, targets: u16) -> impl Iterator<Item = usize> {
        let row = self.cluster(cluster);
        let mut left = targets;
        std::iter::from_fn(move || {
            while left != 0 {
                let n = left.trailing_zeros();
                left &= left - 1;
                if let Some(pe) = present(row?[(range * 16 + n) as usize]) {
                    return Some(pe);
                }
            }
            None
        })
    }

    fn cluster(&self, key: u32) -> Option<&[u16; 256]> {
        let at = self.clusters.binary_search_by_key(&key, |c| c.0).ok()?;
        Some(&self.clusters[at].1)
    }
}

fn present(pe: u16) -> Option<usize> {
    (pe != ABSENT).then_some(usize::from(pe))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(aff2: u8, aff1: u8, aff0: u8) -> Affinity {
        Affinity { aff0, aff1, aff2, aff3: 0 }
    }

    #[track_caller]
    fn check(cluster: u32, range: u32, targets: u16, expect: &[usize]) {
        let routes = Routes::new(vec![at(0, 0, 0), at(0, 1, 0), at(0, 0, 17), at(2, 1, 3), at(0, 0, 1)]);
        assert_eq!(routes.list(cluster, range, targets).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn chk_12_4_list_in_one_cluster() {
        check(0, 0, 0xffff, &[0, 4]);
    }
    #[test]
    fn chk_12_4_range_selector() {
        check(0, 1, 0b10, &[2]);
    }
    #[test]
    fn chk_12_4_bit_without_a_pe_is_ignored() {
        check(0x201, 0, 0b1_0001, &[]);
    }
    #[test]
    fn chk_12_4_no_such_cluster() {
        check(7, 0, 0xffff, &[]);
    }
    #[test]
    fn the_last_range_is_in_bounds() {
        check(0x201, 15, 0xffff, &[]);
    }
}
