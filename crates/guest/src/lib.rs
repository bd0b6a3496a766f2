//! Getting guests: packages through the host's package manager, archives, initramfs.
//!
//! A guest is a distribution's own arm64 kernel and an initramfs that we pack around the same
//! distribution's busybox. The packages come through the host's own apt into a private root: the host's
//! mirror and keys, nothing of the host's system changed, no root needed, and no signature left out.
//! What is fetched lands in a [`Store`], where it is found again without a network.
#![forbid(unsafe_code)]

mod apt;
mod catalog;
mod cpio;
mod deb;
mod error;
mod fetch;
mod initramfs;
mod modules;
mod packages;
mod progress;
mod record;
mod store;
mod tree;

pub use catalog::{DEFAULT_GUEST, Known, known};
pub use error::GuestError;
pub use initramfs::{
    BOOT_OK, EXIT_LINE, ImageFile, InitSpec, Packing, RUN_COMMAND_MAX, initramfs, initramfs_with, run_argument,
};
pub use packages::Arch;
pub use progress::Progress;
pub use store::{Entry, Fetched, Guest, Store};
pub use tree::image_files;
