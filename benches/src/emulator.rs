//! How each emulator is started, so that they emulate the same machine.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One of the programs that are compared.
pub struct Emulator {
    /// The head of its column.
    pub name: String,
    path: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Armagic,
    Qemu,
}

/// What it shall run.
pub struct Load<'a> {
    /// A model's name, as armagic knows it.
    pub cpu: &'a str,
    /// Number of vCPUs.
    pub pes: u32,
    /// An ELF image or a Linux kernel.
    pub kernel: &'a Path,
    /// With a Linux kernel, an initrd and a command line.
    pub linux: Option<(&'a Path, &'a str)>,
}

impl Emulator {
    /// armagic with its compiler.
    pub fn armagic(path: PathBuf) -> Emulator {
        Emulator { name: "armagic".into(), path, kind: Kind::Armagic }
    }

    /// `[NAME=]PATH`; without a name, it is asked for its version.
    pub fn qemu(text: &str) -> Result<Emulator> {
        let (name, path) = match text.split_once('=') {
            Some((name, path)) => (Some(name.to_string()), path),
            None => (None, text),
        };
        let output = Command::new(path).arg("--version").output().with_context(|| format!("cannot start {path}"))?;
        ensure!(output.status.success(), "{path} --version fails:\n{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = said.split("version ").nth(1).and_then(|rest| rest.split([' ', '\n']).next());
        let name = name.or(version.map(|v| format!("QEMU {v}")));
        let name = name.with_context(|| format!("{path} does not say its version: {said}"))?;
        Ok(Emulator { name, path: path.into(), kind: Kind::Qemu })
    }

    /// The command for `load`, its console on standard output.
    pub fn command(&self, load: &Load) -> Command {
        let mut command = Command::new(&self.path);
        let (memory, pes) = (if load.linux.is_some() { "1G" } else { "256M" }, load.pes.to_string());
        match self.kind {
            Kind::Armagic => {
                command.args(["boot", "--engine", "jit", "--cpu", load.cpu, "--smp", &pes, "--memory", memory]);
                command.arg("--kernel").arg(load.kernel);
                if let Some((initrd, append)) = load.linux {
                    command.arg("--initrd").arg(initrd).args(["--append", append]);
                }
            }
            Kind::Qemu => {
                command.args(["-machine", "virt,gic-version=3", "-accel", "tcg,thread=multi"]);
                command.args(["-cpu", qemu_cpu(load.cpu), "-smp", &pes, "-m", memory]);
                // Nothing to probe that armagic does not have, as far as QEMU can leave it out.
                command.args(["-nodefaults", "-display", "none", "-monitor", "none", "-serial", "stdio"]);
                command.arg("-no-reboot").arg("-kernel").arg(load.kernel);
                if let Some((initrd, append)) = load.linux {
                    command.arg("-initrd").arg(initrd).args(["-append", append]);
                }
            }
        }
        command
    }
}

/// The same features: armagic's `max` has no SVE and no SME, and a pointer authentication of its own, to
/// which QEMU's own (`pauth-impdef`, cheaper than the Arm's) is the counterpart.
fn qemu_cpu(model: &str) -> &str {
    match model {
        "max" => "max,sve=off,sme=off,pauth-impdef=on",
        other => other,
    }
}
