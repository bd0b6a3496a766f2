//! The initramfs: busybox, an init script, a console, and whatever files the caller adds.
//!
//! One image serves an interactive boot and `--run`: the command travels on the kernel command line, as
//! [`run_argument`], and its exit status comes back on the console, after [`EXIT_LINE`].

use crate::cpio::Cpio;
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

/// The line the guest prints when its init has the machine.
pub const BOOT_OK: &str = "BOOT-OK";

/// What stands before the decimal exit status on the line a `--run` command ends with.
pub const EXIT_LINE: &str = "ARMAGIC-EXIT: ";

/// Longest command, in bytes, that `run_argument` can carry: arm64 kernels cut their command line at
/// 2048 bytes (`COMMAND_LINE_SIZE`), base64 makes 4 of 3, and 512 are left to the other words.
pub const RUN_COMMAND_MAX: usize = (2048 - 512) / 4 * 3;

const INIT: &str = include_str!("init.sh");

/// Directories that init mounts on, or that programs expect.
const DIRECTORIES: &[&str] = &["bin", "dev", "etc", "mnt", "proc", "root", "run", "sys", "tmp"];

/// One more file for the image.
#[derive(Clone, Debug)]
pub struct ImageFile {
    /// Where it goes; missing parents are made.
    pub path: String,
    /// Permissions; with `0o120000`, a symbolic link whose target is `bytes`.
    pub mode: u32,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// How the image is stored. The kernel takes either; inflating costs guest instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Packing {
    /// As gzip.
    #[default]
    Gzip,
    /// As it is.
    Plain,
}

/// What goes into an initramfs besides busybox and init.
#[derive(Clone, Debug, Default)]
pub struct InitSpec {
    /// Added in this order; a path named twice ends up as the last one says.
    pub files: Vec<ImageFile>,
    /// How the result is stored.
    pub packing: Packing,
}

/// The image: `busybox` (the program's bytes), init, and `spec`'s files.
pub fn initramfs(busybox: &[u8], spec: &InitSpec) -> Vec<u8> {
    let mut image = Cpio::default();
    DIRECTORIES.iter().for_each(|d| image.directory(d));
    // init's own input and output: the kernel opens it before anything is mounted.
    image.device("dev/console", 0o600, 5, 1);
    image.file("bin/busybox", 0o755, busybox);
    image.file("init", 0o755, INIT.as_bytes());
    spec.files.iter().for_each(|f| image.file(&f.path, f.mode, &f.bytes));
    match spec.packing {
        Packing::Plain => image.finish(),
        Packing::Gzip => gzip(&image.finish()),
    }
}

/// The gzip'd image with further files, each `(path, mode, bytes)`.
pub fn initramfs_with(busybox: &[u8], files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let files = files
        .iter()
        .map(|&(path, mode, bytes)| ImageFile { path: path.to_string(), mode, bytes: bytes.to_vec() })
        .collect();
    initramfs(busybox, &InitSpec { files, packing: Packing::Gzip })
}

/// The word on the kernel command line that makes init run `cmd` and power off. The caller sees to it
/// that `cmd` is at most [`RUN_COMMAND_MAX`] bytes; of a longer one init says that it was cut.
pub fn run_argument(cmd: &str) -> String {
    format!("armagic.run={}.", base64(cmd.as_bytes()))
}

/// Names this way of packing: a stored image with another name is packed anew.
pub(crate) fn recipe() -> String {
    crate::record::sha256(format!("plain 1\n{}\n{INIT}", DIRECTORIES.join(" ")).as_bytes())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::best());
    out.write_all(bytes).and_then(|()| out.finish()).expect("writing to memory does not fail")
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0u32, |w, (n, &b)| w | u32::from(b) << (16 - 8 * n));
        for n in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * n)) as usize & 63];
            out.push(if n <= chunk.len() { digit as char } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpio::reader;
    use std::io::Read;
    use std::process::{Command, Stdio};

    #[track_caller]
    fn check_base64(bytes: &str, text: &str) {
        assert_eq!(base64(bytes.as_bytes()), text);
    }

    // RFC 4648, section 10.
    #[test]
    fn base64_of_nothing() {
        check_base64("", "")
    }
    #[test]
    fn base64_of_one() {
        check_base64("f", "Zg==")
    }
    #[test]
    fn base64_of_two() {
        check_base64("fo", "Zm8=")
    }
    #[test]
    fn base64_of_three() {
        check_base64("foo", "Zm9v")
    }
    #[test]
    fn base64_of_six() {
        check_base64("foobar", "Zm9vYmFy")
    }

    #[test]
    fn the_argument_is_one_word_and_fits() {
        assert_eq!(run_argument("foobar"), "armagic.run=Zm9vYmFy.");
        let longest = run_argument(&"\u{0}\"' \n".repeat(RUN_COMMAND_MAX / 5));
        assert!(longest.len() <= 2048 - 480 && !longest.contains([' ', '"', '\'', '\n']));
    }

    #[test]
    fn the_image_has_what_a_kernel_needs() {
        let packed = initramfs_with(b"\x7fELF", &[("/opt/x", 0o755, b"x"), ("/bin/y", 0o120777, b"/opt/x")]);
        let mut image = vec![];
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut image).unwrap();
        let entries = reader::entries(&image);
        let find = |name: &str| entries.iter().find(|e| e.name == name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!((find("dev/console").mode, find("dev/console").device), (0o020600, (5, 1)));
        assert_eq!((find("bin/busybox").mode, &find("bin/busybox").data[..]), (0o100755, &b"\x7fELF"[..]));
        assert_eq!((find("init").mode, &find("init").data[..2]), (0o100755, &b"#!"[..]));
        assert_eq!((find("opt/x").mode, find("opt").mode), (0o100755, 0o040755));
        assert_eq!((find("bin/y").mode, &find("bin/y").data[..]), (0o120777, &b"/opt/x"[..]));
    }

    #[test]
    fn the_same_input_gives_the_same_image() {
        assert_eq!(initramfs(b"b", &InitSpec::default()), initramfs(b"b", &InitSpec::default()));
    }

    #[test]
    fn the_script_says_what_we_look_for() {
        assert!(INIT.contains(&format!("echo {BOOT_OK}\n")) && INIT.contains(&format!("'\\n{EXIT_LINE}%s\\n'")));
    }

    #[test]
    fn the_script_is_a_script() {
        let done = Command::new("sh").arg("-n").stdin(script()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// The script's own `decode`, under this host's sh.
    #[track_caller]
    fn check_decode(value: &str, expected: Result<&str, i32>) {
        let start = INIT.find("decode() {").unwrap();
        let body = &INIT[start..start + INIT[start..].find("\n}\n").unwrap() + 3];
        let done = Command::new("sh").args(["-c", &format!("{body}decode \"$1\""), "sh", value]).output().unwrap();
        let seen = if done.status.success() { Ok(&done.stdout[..]) } else { Err(done.status.code().unwrap()) };
        assert_eq!(seen, expected.map(str::as_bytes));
    }

    #[test]
    fn decode_gives_the_command_back() {
        let command = "echo \"$HOME\" 'é' | wc -c; exit 3\n# +/= ~~?>";
        check_decode(run_argument(command).strip_prefix("armagic.run=").unwrap(), Ok(command));
    }
    #[test]
    fn decode_takes_an_empty_command() {
        check_decode(".", Ok(""))
    }
    #[test]
    fn decode_notices_a_cut() {
        check_decode("Zm9vYm", Err(1))
    }

    fn script() -> Stdio {
        std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/src/init.sh")).unwrap().into()
    }
}
