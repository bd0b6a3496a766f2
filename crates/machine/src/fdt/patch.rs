//! A user's blob, told what this run decided: RAM, command line, initrd. All else stays byte for byte.

use super::flat::{Blob, Item, token};
use super::{FdtError, FdtSpec};
use crate::map;

/// `blob` with its memory nodes replaced by one for `spec.ram_size`, its initrd by `spec.initrd` (an
/// address from another run would be garbage), and its command line by `spec.bootargs` if that is given.
pub fn patch(blob: &[u8], spec: &FdtSpec) -> Result<Vec<u8>, FdtError> {
    let old = Blob::parse(blob)?;
    let mut new = Writer { structure: Vec::new(), strings: old.strings.to_vec() };
    let mut path: Vec<&[u8]> = Vec::new();
    let mut chosen_seen = false;
    for (item, encoding) in &old.items {
        if let Item::Begin(name) = item {
            path.push(name);
        }
        let in_chosen = path.len() == 2 && path[1] == b"chosen";
        let keep = match item {
            _ if path.get(1).is_some_and(|name| is_memory(name)) => false,
            Item::Prop { name, .. } => !(in_chosen && is_replaced(name, spec)),
            _ => true,
        };
        if matches!(item, Item::End) && path.len() == 1 {
            if !chosen_seen {
                new.begin("chosen");
                new.chosen(spec)?;
                new.end();
            }
            new.memory(spec.ram_size, cells(&old, spec.ram_size)?);
        }
        if keep {
            new.structure.extend(&blob[encoding.clone()]);
        }
        if in_chosen && matches!(item, Item::Begin(_)) && !std::mem::replace(&mut chosen_seen, true) {
            new.chosen(spec)?;
        }
        if let Item::End = item {
            path.pop();
        }
    }
    Ok(new.finish(&old))
}

fn is_memory(name: &[u8]) -> bool {
    name == b"memory" || name.starts_with(b"memory@")
}

fn is_replaced(property: &[u8], spec: &FdtSpec) -> bool {
    match property {
        b"linux,initrd-start" | b"linux,initrd-end" => true,
        b"bootargs" => spec.bootargs.is_some(),
        _ => false,
    }
}

/// `#address-cells` and `#size-cells` of the root, if they can describe `ram` bytes at the board's base.
fn cells(blob: &Blob<'_>, ram: u64) -> Result<(u32, u32), FdtError> {
    let root = blob.items[1..].iter().map_while(|(item, _)| match item {
        Item::Prop { name, value } => Some((*name, *value)),
        _ => None,
    });
    let cell = |wanted: &[u8], default: u32| {
        let value = root.clone().find(|(name, _)| *name == wanted).and_then(|(_, v)| v.try_into().ok());
        value.map_or(default, u32::from_be_bytes)
    };
    // The defaults are the specification's.
    let (address, size) = (cell(b"#address-cells", 2), cell(b"#size-cells", 1));
    let fits = matches!(address, 1 | 2) && (size == 2 || size == 1 && ram <= u64::from(u32::MAX));
    fits.then_some((address, size)).ok_or(FdtError::Cells { address, size, ram })
}

/// The structure and strings blocks being written.
struct Writer {
    structure: Vec<u8>,
    strings: Vec<u8>,
}

impl Writer {
    fn word(&mut self, word: u32) {
        self.structure.extend(word.to_be_bytes());
    }

    /// Appends `bytes` padded to the next token.
    fn padded(&mut self, bytes: &[u8]) {
        self.structure.extend(bytes);
        self.structure.resize(self.structure.len().next_multiple_of(4), 0);
    }

    fn begin(&mut self, name: &str) {
        self.word(token::BEGIN_NODE);
        self.padded(format!("{name}\0").as_bytes());
    }

    fn end(&mut self) {
        self.word(token::END_NODE);
    }

    fn property(&mut self, name: &str, value: &[u8]) {
        let name_at = self.strings.len() as u32;
        self.strings.extend(format!("{name}\0").as_bytes());
        self.word(token::PROP);
        self.word(value.len() as u32);
        self.word(name_at);
        self.padded(value);
    }

    fn chosen(&mut self, spec: &FdtSpec) -> Result<(), FdtError> {
        if let Some(bootargs) = &spec.bootargs {
            if bootargs.contains('\0') {
                return Err(FdtError::Bootargs);
            }
            self.property("bootargs", format!("{bootargs}\0").as_bytes());
        }
        if let Some((base, size)) = spec.initrd {
            self.property("linux,initrd-start", &base.0.to_be_bytes());
            self.property("linux,initrd-end", &(base.0 + size).to_be_bytes());
        }
        Ok(())
    }

    fn memory(&mut self, ram: u64, (address, size): (u32, u32)) {
        let base = map::RAM.base.0;
        let cells = |n: u32, v: u64| v.to_be_bytes()[8 - 4 * n as usize..].to_vec();
        self.begin(&format!("memory@{base:x}"));
        self.property("device_type", b"memory\0");
        self.property("reg", &[cells(address, base), cells(size, ram)].concat());
        self.end();
    }

    /// The blob: header, reservations, structure, strings.
    fn finish(mut self, old: &Blob<'_>) -> Vec<u8> {
        self.word(token::END);
        let reservations_at = 40;
        let structure_at = reservations_at + old.reservations.len();
        let strings_at = structure_at + self.structure.len();
        let total = strings_at + self.strings.len();
        let header = [
            0xd00d_feed,
            total as u32,
            structure_at as u32,
            strings_at as u32,
            reservations_at as u32,
            17, // version
            16, // last compatible version
            old.boot_cpu,
            self.strings.len() as u32,
            self.structure.len() as u32,
        ];
        let header: Vec<u8> = header.iter().flat_map(|w: &u32| w.to_be_bytes()).collect();
        [&header, old.reservations, &self.structure, &self.strings].concat()
    }
}
