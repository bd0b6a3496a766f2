//! Built and patched blobs, read back with an independent reader.

use super::*;
use crate::map;
use dtoolkit::fdt::Fdt;
use dtoolkit::{Node, Property};
use proptest::prelude::*;

fn spec(pes: u32) -> FdtSpec {
    FdtSpec {
        cpus: (0..pes).map(|i| CpuNode { mpidr: map::affinity(i) }).collect(),
        cpu_compatible: "arm,neoverse-n1".into(),
        conduit: cpu::Conduit::Hvc,
        has_el2: false,
        has_its: true,
        has_pcie: false,
        ram_size: 512 << 20,
        bootargs: Some("console=ttyAMA0 quiet".into()),
        initrd: Some((PhysAddr(0x4800_0000), 0x1234)),
        kaslr_seed: Some(0x1122_3344_5566_7788),
        rng_seed: Some([7; 32]),
    }
}

/// The property `name` of the node at `path`, as hex words, a string list, or `-` where it is absent.
fn show(blob: &[u8], path: &str, name: &str) -> String {
    let fdt = Fdt::new(blob).expect("the reader takes it");
    let Some(node) = fdt.find_node(path) else { return "no node".into() };
    let Some(property) = node.property(name) else { return "-".into() };
    let value = property.value();
    let printable = |part: &[u8]| !part.is_empty() && part.iter().all(|&b| b == b' ' || b.is_ascii_graphic());
    let text = value.strip_suffix(b"\0").filter(|t| t.split(|&b| b == 0).all(printable));
    match text {
        Some(text) => String::from_utf8_lossy(text).replace('\0', "|"),
        None => value
            .chunks(4)
            .map(|c| format!("{:x}", u32::from_be_bytes(c.try_into().unwrap())))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// Lines of `path property value`.
#[track_caller]
fn check_blob(blob: &[u8], lines: &str) {
    assert_eq!(check(blob), Ok(()));
    for line in lines.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let mut words = line.splitn(3, ' ');
        let (path, name, want) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap_or(""));
        assert_eq!(show(blob, path, name), want, "{path} {name}");
    }
}

#[test]
fn the_board_as_linux_reads_it() {
    check_blob(
        &build(&spec(18)).unwrap(),
        "
        / compatible linux,dummy-virt
        / model armagic,virt
        / interrupt-parent 1
        /chosen stdout-path /pl011@9000000
        /chosen bootargs console=ttyAMA0 quiet
        /chosen linux,initrd-start 0 48000000
        /chosen linux,initrd-end 0 48001234
        /chosen kaslr-seed 11223344 55667788
        /aliases serial0 /pl011@9000000
        /memory@40000000 device_type memory
        /memory@40000000 reg 0 40000000 0 20000000
        /cpus #address-cells 1
        /cpus/cpu@0 compatible arm,neoverse-n1
        /cpus/cpu@0 enable-method psci
        /cpus/cpu@f reg f
        /cpus/cpu@100 reg 100
        /cpus/cpu@101 phandle 111
        /cpus/cpu@102 reg no node
        /cpus/cpu-map/socket0/cluster0/core17 cpu 111
        /psci compatible arm,psci-1.0|arm,psci-0.2|arm,psci
        /psci method hvc
        /timer interrupts 1 d 4 1 e 4 1 b 4 1 a 4
        /timer always-on 
        /pmu compatible arm,armv8-pmuv3
        /pmu interrupts 1 7 4
        /intc@8000000 compatible arm,gic-v3
        /intc@8000000 reg 0 8000000 0 10000 0 80a0000 0 240000
        /intc@8000000 phandle 1
        /intc@8000000/its@8080000 compatible arm,gic-v3-its
        /intc@8000000/its@8080000 reg 0 8080000 0 20000
        /intc@8000000/its@8080000 #msi-cells 1
        /intc@8000000/its@8080000 msi-controller 
        /apb-pclk clock-frequency 16e3600
        /pl011@9000000 reg 0 9000000 0 1000
        /pl011@9000000 interrupts 0 1 4
        /pl011@9000000 clocks 2 2
        /pl011@9000000 clock-names uartclk|apb_pclk
        /pl031@9010000 interrupts 0 2 4
        /virtio_mmio@a000000 interrupts 0 10 1
        /virtio_mmio@a003e00 reg 0 a003e00 0 200
        /virtio_mmio@a003e00 interrupts 0 2f 1
        /virtio_mmio@a004000 reg no node
    ",
    );
}

#[test]
fn what_is_not_given_is_not_said() {
    let bare = FdtSpec { bootargs: None, initrd: None, kaslr_seed: None, rng_seed: None, ..spec(1) };
    check_blob(
        &build(&bare).unwrap(),
        "
        /chosen bootargs -
        /chosen linux,initrd-start -
        /chosen linux,initrd-end -
        /chosen kaslr-seed -
        /chosen rng-seed -
        /intc@8000000 #redistributor-regions 1
    ",
    );
}

#[test]
fn the_host_bridge_as_linux_reads_it() {
    let blob = build(&FdtSpec { has_pcie: true, ..spec(1) }).unwrap();
    check_blob(
        &blob,
        "
        /pcie@4010000000 compatible pci-host-ecam-generic
        /pcie@4010000000 device_type pci
        /pcie@4010000000 reg 40 10000000 0 10000000
        /pcie@4010000000 bus-range 0 ff
        /pcie@4010000000 ranges 2000000 0 10000000 0 10000000 0 2eff0000
        /pcie@4010000000 dma-coherent 
        /pcie@4010000000 msi-map 0 3 0 10000
        /pcie@4010000000 interrupt-map-mask 1800 0 0 7
    ",
    );
    // Device 0 to 3, pin INTA to INTD: (pin + device) % 4 is the line, and lines are SPIs 3 to 6.
    let map = show(&blob, "/pcie@4010000000", "interrupt-map");
    let cells: Vec<u32> = map.split(' ').map(|cell| u32::from_str_radix(cell, 16).unwrap()).collect();
    let rows: Vec<&[u32]> = cells.chunks(10).collect();
    assert_eq!(
        (rows.len(), rows[0], rows[7]),
        (16, &[0, 0, 0, 1, 1, 0, 0, 0, 3, 4][..], &[0x800, 0, 0, 4, 1, 0, 0, 0, 3, 4][..])
    );
    for (device, row) in (1u8..4).zip(rows.iter().skip(4).step_by(4)) {
        assert_eq!(row[8], map::PCIE_SPI + devices::IntxLines::swizzle(device) as u32);
    }
    check_blob(&build(&spec(1)).unwrap(), "/pcie@4010000000 reg no node");
    let without = FdtSpec { has_pcie: true, has_its: false, ..spec(1) };
    check_blob(
        &build(&without).unwrap(),
        "
        /pcie@4010000000 msi-map -
        /intc@8000000/its@8080000 reg no node
    ",
    );
}

#[test]
fn many_pes_use_the_second_region() {
    check_blob(
        &build(&spec(512)).unwrap(),
        "
        /intc@8000000 #redistributor-regions 2
        /intc@8000000 reg 0 8000000 0 10000 0 80a0000 0 f60000 40 0 0 30a0000
        /cpus/cpu@1f0f reg 1f0f
    ",
    );
    assert!(build(&spec(512)).unwrap().len() < 2 << 20, "the boot protocol's limit");
}

#[test]
fn a_wide_affinity_takes_two_cells() {
    let wide = FdtSpec { cpus: vec![CpuNode { mpidr: 0x1_0000_0000 }], ..spec(1) };
    check_blob(
        &build(&wide).unwrap(),
        "
        /cpus #address-cells 2
        /cpus/cpu@100000000 reg 1 0
    ",
    );
}

#[test]
fn a_users_blob_learns_what_this_run_decided() {
    let users = build(&spec(2)).unwrap();
    let run = FdtSpec {
        bootargs: Some("root=/dev/vda".into()),
        initrd: Some((PhysAddr(0x5000_0000), 1)),
        ram_size: 8 << 30,
        ..spec(1)
    };
    check_blob(
        &patch(&users, &run).unwrap(),
        "
        /chosen bootargs root=/dev/vda
        /chosen linux,initrd-start 0 50000000
        /chosen linux,initrd-end 0 50000001
        /chosen stdout-path /pl011@9000000
        /memory@40000000 reg 0 40000000 2 0
        /cpus/cpu@1 reg 1
        /virtio_mmio@a003e00 interrupts 0 2f 1
    ",
    );
    let quiet = FdtSpec { bootargs: None, initrd: None, ..spec(1) };
    check_blob(
        &patch(&users, &quiet).unwrap(),
        "
        /chosen bootargs console=ttyAMA0 quiet
        /chosen linux,initrd-start -
        /memory@40000000 reg 0 40000000 0 20000000
    ",
    );
    let again = patch(&patch(&users, &run).unwrap(), &run).unwrap();
    assert_eq!(String::from_utf8_lossy(&again).matches("root=/dev/vda").count(), 1);
}

/// A blob by hand: root with `properties`, then `nodes` (empty), with names no library would let through.
fn by_hand(cells: Option<(u32, u32)>, nodes: &[&str]) -> Vec<u8> {
    let mut structure: Vec<u8> = [1u32, 0].iter().flat_map(|w| w.to_be_bytes()).collect();
    let word = |s: &mut Vec<u8>, w: u32| s.extend(w.to_be_bytes());
    if let Some((address, size)) = cells {
        for (name, value) in [(0, address), (15, size)] {
            [3, 4, name, value].iter().for_each(|w| word(&mut structure, *w));
        }
    }
    for node in nodes {
        word(&mut structure, 1);
        structure.extend(node.bytes());
        structure.push(0);
        structure.resize(structure.len().next_multiple_of(4), 0);
        word(&mut structure, 4); // NOP
        word(&mut structure, 2);
    }
    [2, 9].iter().for_each(|w| word(&mut structure, *w));
    let strings = b"#address-cells\0#size-cells\0";
    let at = 40 + 16 + structure.len() as u32;
    let sizes =
        [0xd00d_feed, at + strings.len() as u32, 56, at, 40, 17, 16, 0, strings.len() as u32, structure.len() as u32];
    let header: Vec<u8> = sizes.iter().flat_map(|w: &u32| w.to_be_bytes()).collect();
    [&header[..], &[0; 16], &structure, strings].concat()
}

#[test]
fn a_bare_tree_gets_its_nodes() {
    check_blob(
        &patch(&by_hand(None, &[]), &FdtSpec { ram_size: 64 << 20, ..spec(1) }).unwrap(),
        "
        /chosen bootargs console=ttyAMA0 quiet
        /memory@40000000 reg 0 40000000 4000000
    ",
    );
    check_blob(
        &patch(&by_hand(Some((1, 1)), &["memory", "memory@0"]), &spec(1)).unwrap(),
        "
        /memory@40000000 reg 40000000 20000000
        /memory@0 reg no node
    ",
    );
}

#[test]
fn names_that_others_refuse_are_kept() {
    let patched = patch(&by_hand(Some((2, 2)), &["__symbols__", &"long-".repeat(20)]), &spec(1)).unwrap();
    assert_eq!(check(&patched), Ok(()));
    assert!(String::from_utf8_lossy(&patched).contains(&"long-".repeat(20)));
}

#[test]
fn wrong_cells_and_command_lines_are_refused() {
    let big = FdtSpec { ram_size: 4 << 30, ..spec(1) };
    let cells = |address, size| FdtError::Cells { address, size, ram: 4 << 30 };
    assert_eq!(patch(&by_hand(None, &[]), &big), Err(cells(2, 1)));
    assert_eq!(patch(&by_hand(Some((3, 2)), &[]), &big), Err(cells(3, 2)));
    let nul = FdtSpec { bootargs: Some("a\0b".into()), ..spec(1) };
    assert_eq!(build(&nul), Err(FdtError::Bootargs));
    assert_eq!(patch(&by_hand(None, &[]), &nul), Err(FdtError::Bootargs));
}

/// A good blob with the big-endian word at `offset` replaced gives this reason.
#[track_caller]
fn check_damage(offset: usize, value: u32, want: &str) {
    let mut blob = build(&spec(1)).unwrap();
    blob[offset..offset + 4].copy_from_slice(&value.to_be_bytes());
    match check(&blob) {
        Err(FdtError::Malformed { reason, .. }) => assert_eq!(reason, want),
        other => panic!("{other:?}"),
    }
}

#[rustfmt::skip]
mod damage {
    use super::check_damage;
    #[test] fn magic()              { check_damage(0, 0x1234, "no magic number d00dfeed") }
    #[test] fn total_too_large()    { check_damage(4, 0x100_0000, "totalsize is more than the file has") }
    #[test] fn total_too_small()    { check_damage(4, 39, "totalsize is less than a header") }
    #[test] fn structure_offset()   { check_damage(8, u32::MAX, "the structure block is out of bounds") }
    #[test] fn strings_offset()     { check_damage(12, u32::MAX, "the strings block is out of bounds") }
    #[test] fn reservations()       { check_damage(16, u32::MAX, "the memory reservation block is out of bounds") }
    #[test] fn old_version()        { check_damage(20, 16, "its version is not compatible with 17") }
    #[test] fn strings_size()       { check_damage(32, 1, "a property's name is out of bounds") }
    #[test] fn structure_size()     { check_damage(36, 16, "a property is cut off") }
    #[test] fn starts_with_end()    { check_damage(56, 2, "nodes do not nest") }
    #[test] fn unknown_token()      { check_damage(56, 7, "an unknown token") }
}

proptest! {
    /// Any bytes, and any damage to a good blob: an error or a blob that stays well formed, never a panic.
    #[test]
    fn damaged_blobs_never_panic(noise in prop::collection::vec((0usize..4000, any::<u8>()), 0..8), cut in 0usize..4000) {
        let mut blob = build(&spec(2)).unwrap();
        noise.iter().for_each(|&(at, byte)| if let Some(b) = blob.get_mut(at) { *b = byte });
        blob.truncate(blob.len() - cut.min(blob.len()) / 16);
        if let Ok(patched) = patch(&blob, &spec(1)) {
            prop_assert_eq!(check(&patched), Ok(()));
        }
    }

    #[test]
    fn any_bytes_never_panic(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = check(&tail);
        let _ = check(&[&0xd00d_feed_u32.to_be_bytes()[..], &tail].concat());
    }
}
