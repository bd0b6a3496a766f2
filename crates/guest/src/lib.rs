//! Getting guests: packages through the host's package manager, archives, initramfs.
