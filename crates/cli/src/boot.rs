//! `armagic boot` and `armagic demo`: from arguments to a machine, and from its end to an exit status.

use crate::args::{Boot, Demo, EngineName, MachineArgs, RunArgs};
use crate::console::{self, Marks, Output};
use crate::ending::{Reason, Status, Verdict};
use crate::{control, guests, snapshot, stats};
use anyhow::{Context, Result};
use machine::{CharSink, Ending, EngineKind, Extras, Machine, MachineError, MachineSpec, Payload, Report, Tuning};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What `boot` starts.
struct Target {
    payload: Payload,
    initrd: Option<PathBuf>,
    append: String,
}

/// `armagic boot`
pub fn boot(args: &Boot) -> Result<Status> {
    let start = Instant::now();
    let target = target(args)?;
    let mut spec = spec(&args.machine, target, args.dtb.clone());
    let extras = Extras { el2: args.virtualization, el3: args.secure, nmi: args.nmi };
    spec.model = spec.model.with(extras);
    if let Some(path) = &args.dump_dtb {
        let machine = Machine::new(spec, Box::new(Output::new(Verdict::default(), None, Marks::new(start))))?;
        std::fs::write(path, machine.dtb())
            .with_context(|| format!("cannot write the device tree to {}", path.display()))?;
        return Ok(Status::Success);
    }
    run(spec, &args.machine.run, args.run.is_some(), start)
}

/// `armagic demo`
pub fn demo(args: &Demo) -> Result<Status> {
    let payload = Payload::Program(firmware::demo().to_vec());
    let target = Target { payload, initrd: None, append: String::new() };
    run(spec(&args.machine, target, None), &args.machine.run, false, Instant::now())
}

/// The user's kernel, or a fetched guest's.
fn target(args: &Boot) -> Result<Target> {
    let own = |kernel: &PathBuf| Target {
        payload: Payload::File(kernel.clone()),
        initrd: args.initrd.clone(),
        append: args.append.clone().unwrap_or_default(),
    };
    match (&args.kernel, &args.guest) {
        (Some(kernel), None) => {
            anyhow::ensure!(
                args.run.is_none(),
                "--run needs a fetched guest, whose init knows it; with --kernel, use --append"
            );
            Ok(own(kernel))
        }
        (kernel, name) => {
            let guest = guests::obtain(name.as_deref().unwrap_or(guest::DEFAULT_GUEST))?;
            let mut append = guest.append;
            for more in [args.append.clone(), args.run.as_deref().map(guest::run_argument)].into_iter().flatten() {
                append = format!("{append} {more}");
            }
            Ok(Target {
                payload: Payload::File(kernel.clone().unwrap_or(guest.kernel)),
                initrd: Some(args.initrd.clone().unwrap_or(guest.initrd)),
                append,
            })
        }
    }
}

/// With `--stats` code counts, unless `--tune` says otherwise.
pub fn tuning(args: &RunArgs) -> Tuning {
    let tuning = args.tune.clone().unwrap_or_default();
    let count = tuning.count.or(args.stats.map(|_| true));
    Tuning { check_smc: args.check_smc, perf_map: args.perf_map, count, ..tuning }
}

pub fn engine(args: &RunArgs) -> EngineKind {
    match args.engine {
        None => EngineKind::fastest(),
        Some(EngineName::Interp) => EngineKind::Interp,
        Some(EngineName::Jit) => EngineKind::Jit,
        Some(EngineName::Verify) => EngineKind::Verify,
    }
}

fn spec(args: &MachineArgs, target: Target, dtb: Option<PathBuf>) -> MachineSpec {
    MachineSpec {
        cpus: args.smp,
        memory: args.memory,
        model: args.cpu,
        engine: engine(&args.run),
        tuning: tuning(&args.run),
        payload: target.payload,
        initrd: target.initrd,
        append: target.append,
        dtb,
        gic: args.gic.unwrap_or_default(),
        devices: args.devices.clone(),
    }
}

fn run(spec: MachineSpec, args: &RunArgs, ran: bool, start: Instant) -> Result<Status> {
    run_made(|output| Machine::new(spec, output), args, ran, start)
}

/// Makes a machine that sends to the console, and runs it.
pub fn run_made(
    make: impl FnOnce(Box<dyn CharSink>) -> Result<Machine, MachineError>,
    args: &RunArgs,
    ran: bool,
    start: Instant,
) -> Result<Status> {
    let verdict = Verdict::default();
    let marks = Marks::new(start);
    marks.say("loading");
    let output = Output::new(verdict.clone(), args.until.as_deref(), Marks::new(start));
    let control = args.control.as_deref().map(control::listen).transpose()?;
    let mut machine = make(Box::new(output))?;
    if args.save.is_some() {
        machine.hold_when_stopped();
    }
    verdict.attach(machine.stopper());
    // The name is gone when this returns.
    let mut _server = None;
    if let Some((server, listener)) = control {
        control::serve(listener, machine.saver(), verdict.clone())?;
        _server = Some(server);
    }
    if let Some(limit) = args.timeout {
        stop_after(limit, verdict.clone());
    }
    stop_on_signals(verdict.clone());
    let raw = console::spawn_input(machine.uart(), machine.input_open(), verdict.clone());
    marks.say("kernel entry");
    let ending = run_to_the_end(&mut machine, &marks);
    drop(raw);
    let ending = ending?;
    let (mut status, mut message) = verdict.status(&ending, args.until.as_deref(), ran);
    if let Some(path) = &args.save {
        let before = status;
        status = snapshot::save(&machine, path, &ending, status, args.until.is_some())?;
        // What ended the run was wanted after all.
        message = message.filter(|_| before == status || status != Status::Success);
    }
    message.into_iter().for_each(|m| eprintln!("armagic: {m}"));
    for report in machine.gic_reports() {
        let Report { register, pe, text, times } = report;
        eprintln!("armagic: --gic strict: {register}, CPU {pe}: {text} ({times} times)");
    }
    if args.stats.is_some() || args.check_smc {
        let counted = machine.finish();
        counted.stale_code.iter().for_each(|report| eprintln!("armagic: --check-smc: {report}"));
        args.stats.into_iter().for_each(|format| stats::print(&counted, format));
    }
    Ok(status)
}

/// Runs through resets.
fn run_to_the_end(machine: &mut Machine, marks: &Marks) -> Result<Ending, MachineError> {
    loop {
        match machine.run()? {
            Ending::Reset => {
                marks.say("reset");
                machine.reload()?;
            }
            ending => return Ok(ending),
        }
    }
}

fn stop_after(limit: Duration, verdict: Verdict) {
    // Without the thread there is no limit, which is better than no run.
    _ = std::thread::Builder::new().name("timeout".into()).spawn(move || {
        std::thread::sleep(limit);
        verdict.decide(Reason::Timeout);
    });
}

fn stop_on_signals(verdict: Verdict) {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
    _ = std::thread::Builder::new().name("signals".into()).spawn(move || {
        signals.forever().for_each(|_| verdict.decide(Reason::UserQuit));
    });
}
