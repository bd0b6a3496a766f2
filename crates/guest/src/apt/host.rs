//! What we take from the host: its release, its list of archives, how it reaches them.

use super::sources::{self, Pick};
use crate::error::{GuestError, io};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Transport settings that a private root inherits: proxies, certificates, retries, clocks.
const TRANSPORT: &[&str] = &[
    "acquire::http",
    "acquire::https",
    "acquire::retries",
    "acquire::check-valid-until",
    "acquire::check-date",
    "acquire::forceipv4",
    "acquire::forceipv6",
];

/// The host's apt as far as we use it.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// `VERSION_CODENAME` of os-release; Debian's testing and unstable have had none.
    pub(crate) codename: Option<String>,
    /// Debian's name for the host's architecture.
    pub(crate) arch: String,
    /// Every list of archives: its path and text.
    pub(crate) lists: Vec<(PathBuf, String)>,
    /// Where the lists were looked for, for a sentence.
    pub(crate) place: String,
    /// Lines for an apt.conf.
    pub(crate) transport: String,
}

impl Host {
    /// Asks the host. Fails where there is no apt.
    pub(crate) fn read() -> Result<Host, GuestError> {
        let dump = ask(&["dump"])?;
        let places =
            ask(&["shell", "a", "Dir::Etc::sourcelist/f", "b", "Dir::Etc::sourceparts/d", "c", "APT::Architecture"])?;
        let value = |key: &str| places.lines().find_map(|l| l.strip_prefix(key)).map(unquoted).unwrap_or_default();
        let (list, parts) = (value("a="), value("b="));
        Ok(Host {
            codename: release("/etc/os-release").or_else(|| release("/usr/lib/os-release")),
            arch: value("c="),
            lists: lists(Path::new(&list), Path::new(&parts))?,
            place: format!("{list} and {parts}"),
            transport: transport(&dump),
        })
    }

    /// The host's archives, rewritten for `suite` (`None`: the host's own release), as `(name, text)` of
    /// the files to write; empty where nothing serves.
    pub(crate) fn sources(&self, suite: Option<&str>) -> Vec<(&'static str, String)> {
        let own = self.codename.as_deref().map(|c| self.picked(&Pick::release(c, suite)));
        own.filter(|kept| !kept.is_empty()).unwrap_or_else(|| self.picked(&Pick::alias(suite)))
    }

    fn picked(&self, pick: &Pick) -> Vec<(&'static str, String)> {
        let (mut stanzas, mut lines) = (String::new(), String::new());
        for (path, text) in &self.lists {
            match path.extension().is_some_and(|e| e == "sources") {
                true => stanzas += &sources::deb822(text, pick),
                false => lines += &sources::one_line(text, pick),
            }
        }
        [("host.sources", stanzas), ("host.list", lines)].into_iter().filter(|(_, text)| !text.is_empty()).collect()
    }
}

fn ask(arguments: &[&str]) -> Result<String, GuestError> {
    let done = Command::new("apt-config").args(arguments).env("LC_ALL", "C").output();
    match done {
        Ok(out) if out.status.success() => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
        Ok(out) => Err(GuestError::Apt {
            doing: "read this host's configuration".to_string(),
            detail: String::from_utf8_lossy(&out.stderr).lines().next().unwrap_or("it said nothing").to_string(),
        }),
        Err(e) if e.kind() == ErrorKind::NotFound => Err(GuestError::NoApt { tool: "apt-config" }),
        Err(e) => Err(io("run", Path::new("apt-config"))(e)),
    }
}

/// The main list, then the parts in apt's order. What is absent is not an error.
fn lists(list: &Path, parts: &Path) -> Result<Vec<(PathBuf, String)>, GuestError> {
    let mut paths: Vec<PathBuf> = match fs::read_dir(parts) {
        Ok(entries) => entries.filter_map(|e| Some(e.ok()?.path())).collect(),
        Err(_) => vec![],
    };
    paths.retain(|p| p.extension().is_some_and(|e| e == "sources" || e == "list"));
    paths.sort();
    paths.insert(0, list.to_path_buf());
    paths
        .into_iter()
        .filter(|path| path.is_file())
        .map(|path| {
            fs::read(&path).map(|t| (path.clone(), String::from_utf8_lossy(&t).into_owned())).map_err(io("read", &path))
        })
        .collect()
}

fn release(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let name = text.lines().find_map(|l| l.strip_prefix("VERSION_CODENAME="))?.trim_matches('"').to_string();
    (!name.is_empty()).then_some(name)
}

/// The lines of `apt-config dump` that say how to reach an archive; never those that skip a check of
/// who it is.
fn transport(dump: &str) -> String {
    let wanted = |line: &&str| {
        let name = line.split_whitespace().next().unwrap_or("").to_ascii_lowercase();
        let under = |t: &str| name.strip_prefix(t).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
        TRANSPORT.iter().any(|t| under(t)) && !name.contains("verify")
    };
    dump.lines().filter(wanted).map(|l| format!("{l}\n")).collect()
}

/// A word as `apt-config shell` quotes it.
fn unquoted(word: &str) -> String {
    word.trim_matches('\'').replace("'\\''", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transport_is_kept_and_hooks_are_not() {
        let dump = "Acquire \"\";\nAcquire::http \"\";\nAcquire::http::Proxy \"http://p:3128\";\nAcquire::httpsx \"1\";\n\
                    Acquire::https::Verify-Peer \"false\";\nAcquire::https::CaInfo \"/ca.pem\";\nAcquire::Retries \"3\";\n\
                    Acquire::AllowInsecureRepositories \"1\";\nAPT::Update::Post-Invoke:: \"rm -rf x\";\n\
                    Acquire::Check-Valid-Until \"false\";\n";
        assert_eq!(
            transport(dump),
            "Acquire::http \"\";\nAcquire::http::Proxy \"http://p:3128\";\nAcquire::https::CaInfo \"/ca.pem\";\n\
             Acquire::Retries \"3\";\nAcquire::Check-Valid-Until \"false\";\n"
        );
    }

    #[track_caller]
    fn check(codename: Option<&str>, suite: Option<&str>, kept: &[(&'static str, &str)]) {
        let lists = [
            ("/l", "deb http://m/d bookworm main"),
            ("/p/a.list", "deb http://m/d stable main"),
            ("/p/b.sources", "Types: deb\nURIs: http://m/e\nSuites: bookworm\n"),
        ];
        let host = Host {
            codename: codename.map(str::to_string),
            arch: "amd64".to_string(),
            lists: lists.iter().map(|(p, t)| (PathBuf::from(p), t.to_string())).collect(),
            place: String::new(),
            transport: String::new(),
        };
        let expected: Vec<_> = kept.iter().map(|(n, t)| (*n, t.to_string())).collect();
        assert_eq!(host.sources(suite), expected);
    }

    const STANZA: &str = "Types: deb\nURIs: http://m/e\nSuites: bookworm\n\n";

    #[rustfmt::skip]
    mod sources {
        use super::*;
        #[test] fn of_the_release() { check(Some("bookworm"), None, &[("host.sources", STANZA), ("host.list", "deb http://m/d bookworm main\n")]) }
        #[test] fn by_alias_only_if_none_names_the_release() { check(Some("trixie"), None, &[("host.list", "deb http://m/d stable main\n")]) }
        #[test] fn without_a_codename() { check(None, Some("sid"), &[("host.list", "deb http://m/d sid main\n")]) }
    }

    #[test]
    fn words_are_unquoted() {
        assert_eq!(unquoted(r"'/etc/it'\''s/'"), "/etc/it's/");
    }
}
