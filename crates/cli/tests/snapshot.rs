//! Machines that are saved by one process and go on in another.

mod common;

use common::{Session, armagic, offline};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

fn text(path: &Path) -> &str {
    path.to_str().expect("the directory's name is text")
}

#[test]
fn the_demo_goes_on_in_the_middle_of_a_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("demo");
    let run = armagic(&["demo", "--until", "DEMO", "--timeout", "60", "--save", text(&file)]).ended(0);
    assert!(run.out.ends_with("DEMO") && run.err.contains("saved to"), "{}{}", run.out, run.err);
    let shown = armagic(&["snapshot", "show", text(&file)]).ended(0);
    assert!(shown.out.contains("neoverse-n1") && shown.out.contains("CPU 1"), "{}", shown.out);
    let run = armagic(&["snapshot", "load", text(&file), "--timeout", "60"]).ended(0);
    assert!(run.out.starts_with("-OK"), "{}", run.out);
}

#[test]
fn what_cannot_be_saved_or_loaded_is_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("demo");
    let run = armagic(&["demo", "--timeout", "60", "--save", text(&file)]).ended(1);
    assert!(run.err.contains("nothing to save") && !file.exists(), "{}", run.err);
    std::fs::write(&file, b"ARMAGIC\x1a\x09\0\0\0").expect("writable");
    let run = armagic(&["snapshot", "load", text(&file)]).ended(3);
    assert!(run.err.contains("version 9") && run.err.contains(text(&file)), "{}", run.err);
    armagic(&["snapshot", "show", "/nowhere/at/all"]).ended(3);
}

/// One line to a control socket, and the line that answers it.
fn ask(socket: &Path, request: &str) -> String {
    let mut connection = UnixStream::connect(socket).expect("the machine listens");
    connection.write_all(request.as_bytes()).expect("it reads");
    connection.write_all(b"\n").expect("it reads");
    let mut answer = String::new();
    BufReader::new(connection).read_line(&mut answer).expect("it answers");
    answer.trim_end().to_owned()
}

/// A program that sends back what it receives: MOVZ X2, #0x900, LSL #16; MOVZ W3, #RXIM; STR W3, [X2, #IMSC]; LDR W1, [X2, #FR]; TBNZ W1, #RXFE, back; LDR W1, [X2];
/// STR W1, [X2]; B back.
const ECHOES: [u32; 8] =
    [0xd2a1_2002, 0x5280_0203, 0xb900_3843, 0xb940_1841, 0x3727_ffe1, 0xb940_0041, 0xb900_0041, 0x17ff_fffc];

#[test]
fn a_running_machine_is_told_by_its_socket() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let (socket, kernel, file) = (at("socket"), at("kernel"), at("saved"));
    std::fs::write(&kernel, ECHOES.map(u32::to_le_bytes).concat()).expect("writable");
    let boot = ["boot", "--kernel", text(&kernel), "--smp", "2", "--timeout", "60", "--control", text(&socket)];
    let mut session = Session::start(&boot);
    session.type_line("begin");
    session.wait_for("begin");
    let says = |request: &str, what: &str| {
        let said = ask(&socket, request);
        assert!(said.contains(what), "{request}: {said}");
    };
    says("{\"execute\": \"status\", \"id\": 7}", "{\"id\":7,\"return\":{\"cpus-on\":1,\"status\":\"running\"}}");
    // It goes on after it was saved, also by the client; and stays paused if it was.
    for _ in 0..3 {
        let run = armagic(&["snapshot", "save", text(&socket), text(&file)]).ended(0);
        assert!(run.err.contains("saved to"), "{}", run.err);
        session.type_line("again");
        session.wait_for("again");
        says("{\"execute\": \"status\"}", "running");
    }
    says("{\"execute\": \"pause\"}", "{\"return\":{}}");
    says(&format!("{{\"execute\": \"save\", \"arguments\": {{\"file\": {:?}}}}}", text(&file)), "ram-bytes");
    says("{\"execute\": \"status\"}", "paused");
    says("{\"execute\": \"resume\"}", "{\"return\":{}}");
    session.type_line("resumed");
    session.wait_for("resumed");
    says("{\"execute\": \"save\"}", "needs the argument `file`");
    says("{\"execute\": \"save\", \"arguments\": {\"file\": \"/nowhere/at/all\"}}", "/nowhere/at/all: No such file");
    says("{\"execute\": \"dance\"}", "there is no command `dance`: give one of status, pause");
    says("save it", "a request is a line of JSON");
    says("[1]", "a request is an object");
    // Another machine cannot have the name, and the one that has it is not disturbed.
    let run = armagic(&boot).ended(3);
    assert!(run.err.contains("cannot listen on --control"), "{}", run.err);
    says("{\"execute\": \"stop\"}", "{\"return\":{}}");
    session.finish().ended(0);
    assert!(!socket.exists());
    let run = armagic(&["snapshot", "save", text(&socket), text(&file)]).ended(3);
    assert!(run.err.contains("no machine answers"), "{}", run.err);
    let mut session = Session::start(&["snapshot", "load", text(&file), "--until", "loaded", "--timeout", "60"]);
    session.type_line("loaded");
    session.finish().ended(0);
}

/// Its attributes are read and written while its vCPUs run, or pause, with what its protocol makes of that.
#[test]
fn scripts_are_about_a_running_machine() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let (socket, kernel, script) = (at("socket"), at("kernel"), at("script"));
    std::fs::write(&kernel, ECHOES.map(u32::to_le_bytes).concat()).expect("writable");
    let boot = ["boot", "--kernel", text(&kernel), "--smp", "2", "--timeout", "60", "--control", text(&socket)];
    let mut session = Session::start(&boot);
    session.type_line("begin");
    session.wait_for("begin");
    let play = |statements: &str, status: i32| {
        std::fs::write(&script, statements).expect("writable");
        armagic(&["vgic", "script", text(&script), "--on", text(&socket)]).ended(status)
    };
    let run = play("get DIST_REGS CTLR -> EBUSY; get its ITS_REGS CTLR -> EBUSY; get NR_IRQS -> 288", 0);
    assert!(run.out.contains("3 statements, all as expected"), "{}", run.out);
    play("protocol device-level; get DIST_REGS IIDR -> 0x43b; protocol rfc; get DIST_REGS IIDR -> EBUSY", 0);
    let run = play("# here\nget DIST_REGS CTLR", 1);
    assert!(run.err.contains(":2:1: get DIST_REGS CTLR") && run.err.contains("V1 held by KVM_RUN"), "{}", run.err);
    for refused in ["vcpus 3", "vm", "running 0", "run 0", "device its as other", "protocol blocking"] {
        let run = play(refused, 3);
        assert!(run.err.contains(":1:1: expected a statement for a machine that runs"), "{refused}: {}", run.err);
    }
    ask(&socket, "{\"execute\": \"pause\"}");
    play("set DIST_REGS IPRIORITYR8 0x20202020; get DIST_REGS IPRIORITYR8 -> 0x20202020; get its ITS_REGS CTLR", 0);
    ask(&socket, "{\"execute\": \"resume\"}");
    play("guest read GICD IPRIORITYR8 -> 0x20202020", 0);
    session.type_line("on");
    session.wait_for("on");
    ask(&socket, "{\"execute\": \"stop\"}");
    session.finish().ended(0);
}

/// Linux is saved when it prints `first`, by one engine; again at its shell while it works, by the other; and goes on to
/// its end.
#[track_caller]
fn check(test: &str, first: &str, engines: [&str; 3]) {
    if offline(test) {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (early, late) = (directory.path().join("early"), directory.path().join("late"));
    let common = ["--timeout", "240", "--engine"];
    let begin = ["boot", "debian", "--smp", "2", "--until", first, "--save", text(&early)];
    armagic(&[&begin[..], &common, &engines[..1]].concat()).ended(0);
    let middle = ["snapshot", "load", text(&early), "--until", "LINE 300", "--save", text(&late)];
    let mut session = Session::start(&[&middle[..], &common, &engines[1..2]].concat());
    session.wait_for("BOOT-OK");
    // Both CPUs work, and wake one another.
    session
        .type_line("yes 2>/dev/null | cat >/dev/null & i=0; while [ $i -lt 600 ]; do i=$((i+1)); echo LINE $i; done");
    session.finish().ended(0);
    let end = ["snapshot", "load", text(&late)];
    let mut session = Session::start(&[&end[..], &common, &engines[2..]].concat());
    session.wait_for("LINE 600");
    session.type_line("poweroff -f");
    let run = session.finish().ended(0);
    let lines = run.out.lines().filter_map(|line| line.trim().strip_prefix("LINE ")?.parse::<u32>().ok());
    assert_eq!(lines.collect::<Vec<_>>(), (301..=600).collect::<Vec<_>>(), "{}", run.out);
    for bad in ["Oops", "BUG:", "WARNING:", "rcu: INFO", "soft lockup"] {
        assert!(!run.out.contains(bad), "{bad} in\n{}", run.out);
    }
}

#[test]
fn linux_goes_on_from_the_middle_of_its_boot() {
    check("linux_goes_on_from_the_middle_of_its_boot", "Run /init", ["interp", "interp", "interp"]);
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn linux_goes_on_with_the_other_engine() {
    check("linux_goes_on_with_the_other_engine", "smp: Brought up", ["jit", "interp", "jit"]);
}
