//! The C kernels of `vs-qemu/kernels`: building them for bare metal, for a guest's Linux and for the host,
//! and reading what they print.

use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What compiles for arm64.
pub const CROSS: &str = "aarch64-linux-gnu-gcc";
/// What compiles for the host.
const NATIVE: &str = "cc";

/// Said where `CROSS` is not there.
pub const NO_CROSS: &str = "there is no aarch64-linux-gnu-gcc here: apt-get install gcc-aarch64-linux-gnu \
                            libc6-dev-arm64-cross";

/// How long kernels run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Size {
    /// Long enough for their times to mean something.
    Full,
    /// Once each, for their checksums.
    Smoke,
}

/// A bare-metal program: one group of rows.
pub struct Image {
    /// The group's name, and the file's.
    pub name: &'static str,
    /// PEs that it needs.
    pub pes: u32,
    sources: &'static [&'static str],
    flags: &'static [&'static str],
    /// The argument that makes the native program run the same kernels.
    pub native: Option<&'static str>,
}

/// Every bare-metal program.
pub const IMAGES: &[Image] = &[
    portable("integer", &["integer.c"], &["-DTABLE=integer_benches"]),
    portable("float", &["float.c"], &["-DTABLE=float_benches", "-fno-tree-vectorize"]),
    portable("float-vector", &["float.c"], &["-DTABLE=float_vector_benches", "-DVECTOR", "-O3"]),
    portable("memory", &["memory.c"], &["-DTABLE=memory_benches"]),
    Image { name: "system", pes: 1, sources: &["bare/system.c"], flags: &[], native: None },
    Image { name: "gic", pes: 2, sources: &["bare/gic.c"], flags: &[], native: None },
    Image { name: "two", pes: 2, sources: &["bare/two.c", "integer.c"], flags: &[], native: None },
    Image { name: "cold", pes: 1, sources: &["bare/cold.c", "bare/cold.S"], flags: &[], native: None },
];

const fn portable(name: &'static str, sources: &'static [&'static str], flags: &'static [&'static str]) -> Image {
    Image { name, pes: 1, sources, flags, native: Some(name) }
}

const START: &[&str] = &["bare/start.S", "bare/vectors.S", "bare/board.c", "bench.c"];

/// Of all: no call of a C library where the text has a loop, no library's error numbers.
const COMMON: &[&str] = &["-O2", "-Wall", "-Wextra", "-fno-tree-loop-distribute-patterns", "-fno-math-errno"];

/// Of bare metal. Atomics and the rest of Armv8.2, as both CPU models have them.
const BARE: &[&str] = &[
    "-ffreestanding",
    "-nostdlib",
    "-static",
    "-fno-pic",
    "-no-pie",
    "-fno-stack-protector",
    "-march=armv8.2-a",
    "-mno-outline-atomics",
    "-Wl,--build-id=none",
    "-Wl,--no-warn-rwx-segments",
];

/// Whether this host can build them.
pub fn can_build() -> bool {
    [CROSS, NATIVE].iter().all(|cc| Command::new(cc).arg("--version").output().is_ok_and(|o| o.status.success()))
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vs-qemu/kernels")
}

fn compile(compiler: &str, size: Size, flags: &[&str], sources_of: &[&str], out: &Path) -> Result<()> {
    let dir = sources();
    let mut command = Command::new(compiler);
    command.current_dir(&dir).args(COMMON).args(flags).arg("-o").arg(out).args(sources_of);
    if size == Size::Smoke {
        command.arg("-DSMOKE");
    }
    let absent = || if compiler == CROSS { NO_CROSS.to_string() } else { format!("cannot start {compiler}") };
    let done = command.output().with_context(absent)?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{compiler} cannot make {}:\n{said}", out.display());
    Ok(())
}

impl Image {
    /// Compiles it into `dir`; the ELF file.
    pub fn build(&self, dir: &Path, size: Size) -> Result<PathBuf> {
        let out = dir.join(format!("{}.elf", self.name));
        let script = format!("-Wl,-T,{}", sources().join("bare/link.ld").display());
        let main = self.native.map(|_| "bare/tables.c");
        let files: Vec<&str> = START.iter().chain(main.iter()).chain(self.sources).copied().collect();
        let flags: Vec<&str> = BARE.iter().chain(self.flags).copied().chain([script.as_str()]).collect();
        compile(CROSS, size, &flags, &files, &out)?;
        Ok(out)
    }
}

/// The portable kernels as a program of the host; its argument is an image's `native`.
pub fn build_native(dir: &Path, size: Size) -> Result<PathBuf> {
    let out = dir.join("native");
    let object = |name: &str, flags: &[&str]| -> Result<String> {
        let object = dir.join(name);
        compile(NATIVE, size, &[flags, &["-c"]].concat(), &["float.c"], &object)?;
        Ok(object.display().to_string())
    };
    let scalar = object("float.o", &["-fno-tree-vectorize"])?;
    let vector = object("float-vector.o", &["-O3", "-DVECTOR"])?;
    compile(NATIVE, size, &[], &["native.c", "bench.c", "integer.c", "memory.c", &scalar, &vector], &out)?;
    Ok(out)
}

/// The program for a guest's Linux.
pub fn build_linux(dir: &Path, size: Size) -> Result<PathBuf> {
    let out = dir.join("linux");
    compile(CROSS, size, &["-static"], &["linux.c", "bench.c"], &out)?;
    Ok(out)
}

/// The same program for the host's Linux.
pub fn build_linux_native(dir: &Path, size: Size) -> Result<PathBuf> {
    let out = dir.join("linux-native");
    compile(NATIVE, size, &["-static"], &["linux.c", "bench.c"], &out)?;
    Ok(out)
}

/// What a kernel printed.
#[derive(Clone, PartialEq, Debug)]
pub struct Printed {
    /// Its name.
    pub name: String,
    /// Nanoseconds of a round.
    pub ns: f64,
    /// What its work came to.
    pub checksum: u64,
}

/// The rows of a console on which nothing failed and which is complete.
pub fn read(console: &str) -> Result<Vec<Printed>> {
    let lines: Vec<&str> = console.lines().map(str::trim).collect();
    if let Some(line) = lines.iter().find(|l| l.starts_with("FAILED")) {
        bail!("{line}");
    }
    ensure!(lines.contains(&"END"), "it did not come to its end; its console was:\n{console}");
    lines.iter().filter_map(|l| l.strip_prefix("ROW ")).map(row).collect()
}

fn row(line: &str) -> Result<Printed> {
    let mut words = line.split(' ');
    let mut word = || words.next().with_context(|| format!("a row is cut short: {line}"));
    let name = word()?.to_string();
    let ns = word()?.parse().with_context(|| format!("no time in {line}"))?;
    let checksum = word()?.trim_start_matches("0x");
    let checksum = u64::from_str_radix(checksum, 16).with_context(|| format!("no checksum in {line}"))?;
    Ok(Printed { name, ns, checksum })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consoles() {
        let rows = read("noise\r\nROW fib 12.500 0x1f\r\nEND\r\n").unwrap();
        assert_eq!(rows, [Printed { name: "fib".into(), ns: 12.5, checksum: 0x1f }]);
        for (console, why) in [
            ("ROW fib 1.0 0x1\n", "did not come to its end"),
            ("FAILED fib: two runs differ\nEND\n", "FAILED fib"),
            ("ROW fib 1.0\nEND\n", "cut short"),
            ("ROW fib x 0x1\nEND\n", "no time"),
        ] {
            assert!(read(console).unwrap_err().to_string().contains(why), "{console}");
        }
    }
}
