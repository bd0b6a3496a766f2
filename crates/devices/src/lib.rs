//! Board devices: PL011, PL031, virtio-mmio.
