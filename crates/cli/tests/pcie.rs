//! Linux with a device on PCIe: its driver finds it, and is interrupted by LPIs through the ITS, or by INTx.

mod common;

use common::{Run, Session, armagic, offline};
use guest::{ImageFile, InitSpec, Packing, Store};
use std::path::{Path, PathBuf};

const GUEST: &str = "debian";

/// Loads the driver, and says what its interrupts have come to before and after some reading.
const SCRIPT: &str = "counts() { echo = $1; grep virtio /proc/interrupts; }
draw() { dd if=/dev/hwrng of=/dev/null bs=512 count=$1 2>/dev/null && echo DRAWN; }
for m in $(cat /modules/order); do insmod $m || exit 1; done
counts first
draw 100
counts second
";

/// An image with the driver's modules, and `/script`.
fn image(place: &Path, script: &str) -> PathBuf {
    let store = Store::default_location().expect("a place for guests");
    let guest = store.get(GUEST).or_else(|_| store.fetch(GUEST, &mut |_| {})).expect("the guest can be fetched");
    let mut files = store.modules(GUEST, &["virtio_pci", "virtio_rng"]).expect("the kernel's package has them");
    let order: String = files.iter().map(|file| format!("{}\n", file.path)).collect();
    let mut add = |path: &str, text: &str| files.push(ImageFile { path: path.into(), mode: 0o755, bytes: text.into() });
    add("/modules/order", &order);
    add("/script", script);
    let busybox = std::fs::read(&guest.busybox).expect("the store is readable");
    let initrd = place.join("initrd");
    std::fs::write(&initrd, guest::initramfs(&busybox, &InitSpec { files, packing: Packing::Plain })).expect("room");
    initrd
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the directory's name is text")
}

/// The sum over CPUs in the row of /proc/interrupts after `= mark` whose last word is `name`, and the rest of the row.
#[track_caller]
fn row<'r>(run: &'r Run, mark: &str, name: &str, cpus: usize) -> (Vec<u64>, Vec<&'r str>) {
    let mut lines = run.out.lines().skip_while(|line| line.trim_end() != format!("= {mark}"));
    let line = lines.find(|line| line.trim_end().ends_with(name));
    let line = line.unwrap_or_else(|| panic!("no row {name} after {mark} in\n{}", run.out));
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    (words[..cpus].iter().map(|n| n.parse().expect("a count")).collect(), words[cpus..].to_vec())
}

#[track_caller]
fn check_sound(run: &Run) {
    for bad in ["Oops", "BUG:", "WARNING:", "rcu: INFO", "soft lockup", "unexpected IRQ", "nobody cared"] {
        assert!(!run.out.contains(bad), "{bad} in\n{}", run.out);
    }
}

/// With the arguments `more`, of which one is a device, it interrupts as often as it is asked for bytes, by the interrupt
/// that ends in `name`, of kind `kind`.
#[track_caller]
fn check(test: &str, more: &[&str], name: &str, kind: &str) {
    if offline(test) {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    // Then the interrupt is sent to the other CPU: with an ITS, by a command.
    let script = format!(
        "{SCRIPT}irq=$(sed -n 's/^ *\\([0-9]*\\):.*{name}/\\1/p' /proc/interrupts)
        for cpu in 1 2; do echo $cpu >/proc/irq/$irq/smp_affinity; draw 100; counts cpu$cpu; done
        [ -z \"$(dmesg -l emerg,alert,crit,err)\" ] || {{ dmesg; exit 1; }}"
    );
    let initrd = image(place.path(), &script);
    let boot = ["boot", GUEST, "--initrd", text(&initrd), "--run", "sh /script", "--smp", "2", "--timeout", "240"];
    let run = armagic(&[&boot[..], more].concat()).ended(0);
    check_sound(&run);
    assert_eq!(run.out.matches("DRAWN").count(), 3, "{}", run.out);
    let count = |mark| row(&run, mark, name, 2).0;
    let sum = |mark| count(mark).iter().sum::<u64>();
    assert!(row(&run, "first", name, 2).1.contains(&kind), "{}", run.out);
    // A request is for at most 64 bytes: that is what the driver's buffer has.
    assert!(sum("second") >= sum("first") + 100, "{}", run.out);
    assert!(count("cpu1")[0] >= count("second")[0] + 90, "{}", run.out);
    assert!(count("cpu2")[1] >= count("cpu1")[1] + 90, "{}", run.out);
}

const MSIX: &[&str] = &["--device", "virtio-rng-pci"];

#[test]
fn linux_is_interrupted_through_the_its() {
    let more = [MSIX, &["--engine", "interp"]].concat();
    check("linux_is_interrupted_through_the_its", &more, "virtio0-input", "ITS-MSI");
}

#[test]
fn linux_is_interrupted_by_intx() {
    check("linux_is_interrupted_by_intx", &["--device", "virtio-rng-pci,vectors=0"], "virtio0", "GICv3");
}

#[test]
fn without_an_its_intx_is_all_there_is() {
    let more = [MSIX, &["--gic", "its=off"]].concat();
    check("without_an_its_intx_is_all_there_is", &more, "virtio0", "GICv3");
}

/// The compiler is there on Linux on x86-64 only.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn compiled_linux_is_interrupted_through_the_its() {
    let more = [MSIX, &["--engine", "jit"]].concat();
    check("compiled_linux_is_interrupted_through_the_its", &more, "virtio0-input", "ITS-MSI");
}

#[test]
fn after_a_reset_the_device_is_as_new() {
    if offline("after_a_reset_the_device_is_as_new") {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let initrd = image(place.path(), SCRIPT);
    let devices = ["--device", "virtio-rng-pci", "--device", "virtio-rng-pci,vectors=0"];
    let boot = ["boot", GUEST, "--initrd", text(&initrd), "--timeout", "240"];
    let mut session = Session::start(&[&boot[..], &devices].concat());
    for end in ["reboot -f", "poweroff -f"] {
        session.wait_for("BOOT-OK");
        session.type_line("sh /script && echo FIN''ISHED");
        session.wait_for("FINISHED");
        session.type_line(end);
    }
    let run = session.finish().ended(0);
    assert_eq!(run.out.matches("DRAWN").count(), 2, "{}", run.out);
    check_sound(&run);
}

/// A machine that is saved while its device interrupts goes on elsewhere: no LPI is lost, or the reader would wait for ever.
#[track_caller]
fn check_saved(test: &str, gic: &str, engines: [&str; 2]) {
    if offline(test) {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let saved = place.path().join("saved");
    let script =
        format!("{SCRIPT}(draw 4000; counts end; echo DONE) & for i in $(seq 600); do echo LINE $i; done; wait");
    let initrd = image(place.path(), &script);
    let boot = ["boot", GUEST, "--device", "virtio-rng-pci", "--initrd", text(&initrd), "--smp", "2", "--gic", gic];
    let how = ["--run", "sh /script", "--timeout", "240", "--until", "LINE 200", "--save", text(&saved), "--engine"];
    let run = armagic(&[&boot[..], &how, &engines[..1]].concat()).ended(0);
    let shown = armagic(&["snapshot", "show", text(&saved)]).ended(0);
    assert!(shown.out.contains("virtio-rng-pci"), "{}", shown.out);
    let before = row(&run, "second", "virtio0-input", 2).0.iter().sum::<u64>();
    let run = armagic(&["snapshot", "load", text(&saved), "--timeout", "240", "--engine", engines[1]]).ended(0);
    let after = row(&run, "end", "virtio0-input", 2).0.iter().sum::<u64>();
    assert!(run.out.contains("DONE") && after >= before + 4000, "{}", run.out);
    check_sound(&run);
}

#[test]
fn linux_goes_on_with_its_lpis() {
    check_saved("linux_goes_on_with_its_lpis", "fast", ["interp", "interp"]);
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn linux_goes_on_with_its_lpis_in_the_tables_of_kvm() {
    check_saved("linux_goes_on_with_its_lpis_in_the_tables_of_kvm", "kvm", ["jit", "interp"]);
}

#[test]
fn what_cannot_be_is_said() {
    let run = armagic(&["boot", "--device", "virtio-blk-pci"]).ended(2);
    assert!(run.err.contains("virtio-rng-pci"), "{}", run.err);
    let kernel = ["boot", "--kernel", "/nowhere"];
    let run = armagic(&[&kernel[..], &["--device", "virtio-rng-pci,vectors=65"]].concat()).ended(2);
    assert!(run.err.contains("64 vectors"), "{}", run.err);
    let many = ["--device", "virtio-rng-pci"].repeat(32);
    let run = armagic(&[&kernel[..], &many].concat()).ended(2);
    assert!(run.err.contains("31"), "{}", run.err);
}
