//! A private apt root: the host's apt, mirror and keys, and a state of our own.
//!
//! `apt-get install` is never run for real, and no script of a package ever is; apt is asked what there
//! is, what it needs, and for the files. It checks every signature and hash; we check the hash again.

mod complaint;
mod conf;
mod host;
mod package;
mod sources;

pub(crate) use host::Host;
pub(crate) use package::{Package, file_name};

use crate::error::{GuestError, io};
use crate::progress::{Report, Step, say};
use complaint::Kind;
use package::{parse, planned, title, verify};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How often a running apt is looked at, for progress.
const POLL: Duration = Duration::from_millis(50);

/// Which packages: of which release, for which architecture, from where besides the host's sources.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// `None` is the host's own release.
    pub(crate) suite: Option<&'a str>,
    pub(crate) arch: &'a str,
    /// A directory of the user's for `.sources` files that only we read.
    pub(crate) extra: &'a Path,
}

/// A private root, configured. Whoever has one holds the store's lock.
pub(crate) struct AptRoot {
    dir: PathBuf,
    arch: String,
    suite: String,
    extra: PathBuf,
    /// What went wrong in `update`; matters only if a package is then not found.
    complaint: Option<(Kind, String)>,
}

impl AptRoot {
    /// Makes or refreshes the root at `dir`. Nothing is fetched yet.
    pub(crate) fn prepare(dir: &Path, host: &Host, wanted: Wanted) -> Result<AptRoot, GuestError> {
        if dir.to_string_lossy().contains('"') {
            return Err(io("keep packages in", dir)(std::io::Error::other(
                "apt cannot use a path with a quotation mark",
            )));
        }
        for name in ["lists/partial", "archives/partial", "log", "sources", "empty.d"] {
            fs::create_dir_all(dir.join(name)).map_err(io("create", &dir.join(name)))?;
        }
        let release = host.codename.clone().unwrap_or_else(|| "this host's release".to_string());
        let root = AptRoot {
            dir: dir.to_path_buf(),
            arch: wanted.arch.to_string(),
            suite: wanted.suite.map_or(release.clone(), str::to_string),
            extra: wanted.extra.to_path_buf(),
            complaint: None,
        };
        let mut lists: Vec<_> =
            host.sources(wanted.suite).into_iter().map(|(name, text)| (name.to_string(), text)).collect();
        lists.extend(extra_lists(wanted.extra)?);
        if lists.is_empty() {
            return Err(GuestError::NoSources { release, place: host.place.clone(), extra: root.extra });
        }
        root.write_sources(&lists)?;
        root.write("status", "")?;
        root.write("apt.conf", &conf::text(dir, wanted.arch, &host.transport))?;
        Ok(root)
    }

    /// The release packages come from.
    pub(crate) fn suite(&self) -> &str {
        &self.suite
    }

    /// Brings the index up to date. One bad source does not spoil the others: it is reported, and
    /// becomes an error when what is then asked for is not found.
    pub(crate) fn update(&mut self, report: Report) -> Result<(), GuestError> {
        let step = Step::new(format!("package index of {} for {}", self.suite, self.arch), None);
        let lists = self.dir.join("lists");
        let before = bytes_below(&lists);
        let measure = || bytes_below(&lists).saturating_sub(before);
        let (_, said) = self.apt_get(&["update"], &self.dir, &step, &measure, report)?;
        self.complaint = complaint::worst(&said);
        if let Some((_, detail)) = &self.complaint {
            say(report, format!("apt: {detail}"));
        }
        Ok(())
    }

    /// The newest version of one package.
    pub(crate) fn package(&self, name: &str) -> Result<Package, GuestError> {
        self.show(&[name.to_string()])?.into_iter().next().ok_or_else(|| self.absent(name))
    }

    /// These packages and all they depend on.
    pub(crate) fn closure(&self, names: &[&str]) -> Result<Vec<Package>, GuestError> {
        names.iter().try_for_each(|name| self.package(name).map(drop))?;
        let mut arguments = vec!["--simulate", "--yes", "install"];
        arguments.extend(names);
        let out = self.command("apt-get", &arguments).output().map_err(|e| not_run("apt-get", e))?;
        let exact = planned(&String::from_utf8_lossy(&out.stdout));
        let packages = self.show(&exact)?;
        if out.status.success() && !packages.is_empty() && packages.len() == exact.len() {
            return Ok(packages);
        }
        let (_, detail) = complaint::worst(&String::from_utf8_lossy(&out.stderr)).unwrap_or_else(|| {
            (Kind::Other, format!("{} of {} packages are in the index", packages.len(), exact.len()))
        });
        Err(GuestError::Apt { doing: format!("find what {} depends on", names.join(" ")), detail })
    }

    /// Puts these packages' files into `into`, unless they are there already, and says where each is.
    pub(crate) fn download(
        &self,
        packages: &[Package],
        into: &Path,
        report: Report,
    ) -> Result<Vec<PathBuf>, GuestError> {
        fs::create_dir_all(into).map_err(io("create", into))?;
        let paths: Vec<PathBuf> = packages.iter().map(|p| into.join(file_name(&p.lock))).collect();
        let missing: Vec<(&Package, &PathBuf)> =
            packages.iter().zip(&paths).filter(|(p, path)| verify(path, &p.lock).is_err()).collect();
        if missing.is_empty() {
            return Ok(paths);
        }
        let exact: Vec<String> = missing.iter().map(|(p, _)| format!("{}={}", p.lock.name, p.lock.version)).collect();
        let mut arguments = vec!["download"];
        arguments.extend(exact.iter().map(String::as_str));
        let step = Step::new(title(&missing), Some(missing.iter().map(|(p, _)| p.lock.size).sum()));
        for (_, path) in &missing {
            let _ = fs::remove_file(path); // what is there is not what we want; absent is fine too
        }
        let measure = || missing.iter().map(|(_, path)| fs::metadata(path).map_or(0, |m| m.len())).sum();
        let (done, said) = self.apt_get(&arguments, into, &step, &measure, report)?;
        if !done {
            return Err(self.not_downloaded(&exact.join(" "), &said));
        }
        missing.iter().try_for_each(|(p, path)| verify(path, &p.lock))?;
        Ok(paths)
    }

    fn not_downloaded(&self, what: &str, said: &str) -> GuestError {
        let (kind, detail) = complaint::worst(said).unwrap_or((Kind::Other, "it did not say why".to_string()));
        match kind {
            Kind::Signature | Kind::Network => {
                complaint::about_index(kind, detail, &self.arch, &self.suite, &self.extra)
            }
            Kind::Hash | Kind::Absent | Kind::Other => GuestError::Apt { doing: format!("download {what}"), detail },
        }
    }

    /// The index's entries for these names or `name=version`s; names it does not have are left out.
    fn show(&self, names: &[String]) -> Result<Vec<Package>, GuestError> {
        let mut arguments = vec!["--no-all-versions", "show"];
        arguments.extend(names.iter().map(String::as_str));
        Ok(self.ask("apt-cache", &arguments)?.split("\n\n").filter_map(parse).collect())
    }

    fn absent(&self, package: &str) -> GuestError {
        let (arch, suite) = (self.arch.clone(), self.suite.clone());
        // A suite that is not there (a third party's, or one that unstable has not) hides nothing, unless
        // it was the only one.
        let nothing = || self.ask("apt-cache", &["pkgnames"]).is_ok_and(|names| names.is_empty());
        match self.complaint.clone() {
            Some((kind, detail)) if kind != Kind::Absent || nothing() => {
                complaint::about_index(kind, detail, &arch, &suite, &self.extra)
            }
            _ => GuestError::NoPackage { package: package.to_string(), arch, suite },
        }
    }

    /// What a quick question answers; a refusal is an empty answer.
    fn ask(&self, tool: &'static str, arguments: &[&str]) -> Result<String, GuestError> {
        let out = self.command(tool, arguments).output().map_err(|e| not_run(tool, e))?;
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// Runs `apt-get` in `place` and reports `measure()` while it lasts: whether it was content, and what
    /// it said.
    fn apt_get(
        &self,
        arguments: &[&str],
        place: &Path,
        step: &Step,
        measure: &dyn Fn() -> u64,
        report: Report,
    ) -> Result<(bool, String), GuestError> {
        let log = self.dir.join("log/apt-get");
        let out = File::create(&log).map_err(io("create", &log))?;
        let err = out.try_clone().map_err(io("open", &log))?;
        let mut command = self.command("apt-get", arguments);
        let mut child =
            command.current_dir(place).stdout(out).stderr(err).spawn().map_err(|e| not_run("apt-get", e))?;
        let status = loop {
            match child.try_wait().map_err(io("wait for", Path::new("apt-get")))? {
                Some(status) => break status,
                None => std::thread::sleep(POLL),
            }
            step.at(measure(), report);
        };
        step.at(measure(), report);
        let said = fs::read(&log).map_err(io("read", &log))?;
        Ok((status.success(), String::from_utf8_lossy(&said).into_owned()))
    }

    fn command(&self, tool: &str, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(tool);
        command.arg("--quiet=2").args(arguments).stdin(Stdio::null());
        command.env("APT_CONFIG", self.dir.join("apt.conf")).env("LC_ALL", "C");
        command
    }

    /// Exactly these lists; a list of an earlier time is gone.
    fn write_sources(&self, lists: &[(String, String)]) -> Result<(), GuestError> {
        let place = self.dir.join("sources");
        for old in fs::read_dir(&place).map_err(io("read", &place))?.filter_map(Result::ok) {
            fs::remove_file(old.path()).map_err(io("remove", &old.path()))?;
        }
        lists.iter().try_for_each(|(name, text)| self.write(&format!("sources/{name}"), text))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), GuestError> {
        let path = self.dir.join(name);
        fs::write(&path, text).map_err(io("write", &path))
    }
}

fn not_run(tool: &'static str, error: std::io::Error) -> GuestError {
    match error.kind() {
        ErrorKind::NotFound => GuestError::NoApt { tool },
        _ => io("run", Path::new(tool))(error),
    }
}

/// The user's own lists, held to the same rules as the host's.
fn extra_lists(extra: &Path) -> Result<Vec<(String, String)>, GuestError> {
    let Ok(entries) = fs::read_dir(extra) else { return Ok(vec![]) };
    let mut lists = vec![];
    for path in entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.extension().is_some_and(|e| e == "sources")) {
        let text = fs::read_to_string(&path).map_err(io("read", &path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        lists.push((format!("extra-{name}"), sources::deb822(&text, &sources::Pick::any())));
    }
    lists.retain(|(_, text)| !text.is_empty());
    Ok(lists)
}

/// Bytes of the files in `dir` and its directories.
fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .filter_map(Result::ok)
        .map(|e| match e.metadata() {
            Ok(m) if m.is_dir() => bytes_below(&e.path()),
            Ok(m) => m.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests;
