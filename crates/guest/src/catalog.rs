//! The guests we know by name. A new guest is a row.

/// One guest that can be fetched.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// What the user types.
    pub name: &'static str,
    /// The release it comes from; `None` is the host's own.
    pub suite: Option<&'static str>,
    /// The kernel's package; a meta package is followed to the real one.
    pub kernel: &'static str,
    /// The package that holds `/bin/busybox`, statically linked.
    pub userland: &'static str,
    /// The kernel command line it boots with.
    pub append: &'static str,
    /// One line for `armagic guest list`.
    pub description: &'static str,
}

/// What `armagic boot` boots when it is given no name.
pub const DEFAULT_GUEST: &str = "debian";

/// The PL011 of the `virt` layout, from the kernel's first line on.
///
/// No `panic=`: a guest that panics stands still after its `Kernel panic` line, so that the panic can be
/// told from a reset. No self-tests of the kernel's ciphers: they are most of a boot. Measured with QEMU
/// 7.2 counting instructions (`-icount shift=0`, 1 CPU), 6.1's cloud kernel starts init after 198 million
/// with the tests off and after 793 million with them on.
const APPEND: &str = "console=ttyAMA0 earlycon=pl011,0x9000000 cryptomgr.notests";

const GUESTS: &[Known] = &[
    // name              suite            kernel package
    row("debian", None, "linux-image-cloud-arm64", "Debian's kernel for clouds: small, boots fastest"),
    row("debian-full", None, "linux-image-arm64", "Debian's general kernel: more drivers built in"),
    row("debian-rt", None, "linux-image-rt-arm64", "Debian's PREEMPT_RT kernel"),
    row("debian-trixie", Some("trixie"), "linux-image-cloud-arm64", "the cloud kernel of Debian 13"),
    row(
        "debian-16k",
        Some("trixie"),
        "linux-image-arm64-16k",
        "Debian 13's kernel with pages of 16 KiB; not every CPU has them",
    ),
    row("debian-sid", Some("sid"), "linux-image-cloud-arm64", "the cloud kernel of Debian unstable"),
];

const fn row(
    name: &'static str,
    suite: Option<&'static str>,
    kernel: &'static str,
    description: &'static str,
) -> Known {
    Known { name, suite, kernel, userland: "busybox-static", append: APPEND, description }
}

/// Every guest we know, in the order to show them.
pub fn known() -> &'static [Known] {
    GUESTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_distinct_and_the_default_is_one_of_them() {
        let names: HashSet<_> = GUESTS.iter().map(|g| g.name).collect();
        assert_eq!(names.len(), GUESTS.len());
        assert!(names.contains(DEFAULT_GUEST));
    }

    #[test]
    fn names_are_good_file_names() {
        for guest in GUESTS {
            assert!(guest.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{guest:?}");
        }
    }

    #[test]
    fn a_panic_is_not_a_reset() {
        assert!(GUESTS.iter().all(|g| !g.append.contains("panic=")));
    }
}
