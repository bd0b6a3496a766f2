//! `--device`: what is on PCIe.

use machine::{DeviceKind, DeviceSpec};

/// `NAME[,vectors=N]`.
pub fn parse(text: &str) -> Result<DeviceSpec, String> {
    let mut words = text.split(',');
    let name = words.next().unwrap_or_default();
    let kind = DeviceKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
        format!("there is no device `{name}`; there are {}", DeviceKind::ALL.map(DeviceKind::name).join(", "))
    })?;
    words.try_fold(DeviceSpec { kind, vectors: kind.vectors() }, |device, word| {
        let number = word.strip_prefix("vectors=").ok_or_else(|| format!("`{word}` is not vectors=N"))?;
        let vectors = number.parse().map_err(|_| format!("`{number}` in `{word}` is not a number of vectors"))?;
        Ok(DeviceSpec { vectors, ..device })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_vectors() {
        let kind = DeviceKind::VirtioRng;
        assert_eq!(parse("virtio-rng-pci"), Ok(DeviceSpec { kind, vectors: 2 }));
        assert_eq!(parse("virtio-rng-pci,vectors=0"), Ok(DeviceSpec { kind, vectors: 0 }));
        for bad in
            ["", "virtio-rng", "virtio-rng-pci,", "virtio-rng-pci,vectors=", "virtio-rng-pci,id=a", "x,vectors=1"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
