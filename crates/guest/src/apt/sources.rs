//! The host's list of archives, rewritten for a private root.
//!
//! Kept of an entry: where it is, which suites and components, and which key signs it. All else goes:
//! an architecture limit would hide arm64, and `Trusted` or `Allow-*` would let unsigned packages in.
//! Formats: `sources.list(5)`, both of them.

/// Fields of a deb822 entry that are kept.
const FIELDS: &[&str] =
    &["types", "uris", "suites", "components", "signed-by", "by-hash", "inrelease-path", "snapshot"];

/// Options of a one-line entry that are kept.
const OPTIONS: &[&str] = &["signed-by", "by-hash", "inrelease-path", "snapshot"];

/// Names by which an archive calls a release without saying which.
const ALIASES: &[&str] = &["stable", "oldstable", "testing", "unstable", "sid"];

/// Suites that have no `-updates` or `-security` beside them.
const ALONE: &[&str] = &["sid", "unstable", "experimental"];

/// Which suites of the host's entries to keep, and what to call them.
pub(crate) struct Pick<'a> {
    /// The names the host's own release goes by; none of them: every suite serves, as it is.
    from: Vec<&'a str>,
    /// The release wanted in its place.
    to: Option<&'a str>,
}

impl<'a> Pick<'a> {
    /// The host's own release, or `to` from the same archive.
    pub(crate) fn release(codename: &'a str, to: Option<&'a str>) -> Pick<'a> {
        Pick { from: vec![codename], to }
    }

    /// For hosts whose sources say `stable` and the like.
    pub(crate) fn alias(to: Option<&'a str>) -> Pick<'a> {
        Pick { from: ALIASES.to_vec(), to }
    }

    /// For a list that was written for us.
    pub(crate) fn any() -> Pick<'a> {
        Pick { from: vec![], to: None }
    }

    /// `suite` under its new name, if it is one of the release's.
    fn suite(&self, suite: &str) -> Option<String> {
        if self.from.is_empty() {
            return Some(suite.to_string());
        }
        let (base, rest) = self.from.iter().find_map(|&from| {
            let rest = suite.strip_prefix(from)?;
            (rest.is_empty() || rest.starts_with(['-', '/'])).then_some((from, rest))
        })?;
        let base = self.to.unwrap_or(base);
        (rest.is_empty() || !ALONE.contains(&base)).then(|| format!("{base}{rest}"))
    }
}

/// The entries of a `.sources` file that `pick` keeps; empty if none.
pub(crate) fn deb822(text: &str, pick: &Pick) -> String {
    text.split("\n\n").filter_map(|stanza| stanza_kept(stanza, pick)).map(|s| s + "\n").collect()
}

fn stanza_kept(stanza: &str, pick: &Pick) -> Option<String> {
    let mut out = String::new();
    let mut suites = false;
    for (name, value) in fields(stanza) {
        let lower = name.to_ascii_lowercase();
        let value = match lower.as_str() {
            "enabled" if value.trim().eq_ignore_ascii_case("no") => return None,
            "types" if !value.split_whitespace().any(|t| t == "deb") => return None,
            "types" => " deb".to_string(),
            "uris" if value.split_whitespace().any(|uri| uri.starts_with("cdrom:")) => return None,
            "suites" => {
                let kept: Vec<String> = value.split_whitespace().filter_map(|s| pick.suite(s)).collect();
                suites = !kept.is_empty();
                format!(" {}", kept.join(" "))
            }
            _ if FIELDS.contains(&lower.as_str()) => value,
            _ => continue,
        };
        out += &format!("{name}:{value}\n");
    }
    suites.then_some(out)
}

/// `(name, value)` of each field; a value keeps its continuation lines, comments are gone.
fn fields(stanza: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = vec![];
    for line in stanza.lines().filter(|l| !l.starts_with('#')) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push('\n');
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_string(), value.to_string()));
        }
    }
    fields
}

/// The entries of a `sources.list` file that `pick` keeps; empty if none.
pub(crate) fn one_line(text: &str, pick: &Pick) -> String {
    text.lines().filter_map(|line| line_kept(line, pick)).map(|l| l + "\n").collect()
}

fn line_kept(line: &str, pick: &Pick) -> Option<String> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb").filter(|r| r.starts_with([' ', '\t', '[']))?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace();
    let uri = words.next().filter(|uri| !uri.starts_with("cdrom:"))?;
    let suite = pick.suite(words.next()?)?;
    let options: Vec<&str> = options.split_whitespace().filter(|o| option_kept(o)).collect();
    let options = if options.is_empty() { String::new() } else { format!("[{}] ", options.join(" ")) };
    let components: Vec<&str> = words.collect();
    Some(format!("deb {options}{uri} {suite} {}", components.join(" ")).trim_end().to_string())
}

fn option_kept(option: &str) -> bool {
    option.split_once('=').is_some_and(|(name, _)| OPTIONS.contains(&name.trim_end_matches(['+', '-'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: fn() -> Pick<'static> = || Pick::release("bookworm", None);

    #[track_caller]
    fn check_line(pick: Pick, before: &str, after: &str) {
        assert_eq!(one_line(before, &pick).trim_end(), after);
    }

    #[rustfmt::skip]
    mod lines {
        use super::*;
        #[test] fn kept() { check_line(HOST(), "deb http://m/d bookworm main", "deb http://m/d bookworm main") }
        #[test] fn without_architecture_and_trust() {
            check_line(HOST(), "deb [arch=amd64 trusted=yes signed-by=/k.gpg allow-insecure=yes] http://m/d bookworm-updates main contrib",
                       "deb [signed-by=/k.gpg] http://m/d bookworm-updates main contrib")
        }
        #[test] fn without_empty_brackets() { check_line(HOST(), "deb [ arch=amd64 ] http://m/d bookworm main", "deb http://m/d bookworm main") }
        #[test] fn tabs_and_comments() { check_line(HOST(), "deb\thttp://m/d\tbookworm\tmain # ours", "deb http://m/d bookworm main") }
        #[test] fn no_sources_of_sources() { check_line(HOST(), "deb-src http://m/d bookworm main", "") }
        #[test] fn no_disabled_line() { check_line(HOST(), "# deb http://m/d bookworm main", "") }
        #[test] fn no_disc() { check_line(HOST(), "deb cdrom:[Debian 12]/ bookworm main", "") }
        #[test] fn no_other_release() { check_line(HOST(), "deb http://m/d bookworms main\ndeb http://m/x cloud-sdk-bookworm main", "") }
        #[test] fn no_fragment() { check_line(HOST(), "deb\ndeb [\ndeb http://m/d\ndebris http://m/d bookworm main", "") }
        #[test] fn another_release() {
            check_line(Pick::release("bookworm", Some("trixie")), "deb http://m/d bookworm-security main", "deb http://m/d trixie-security main")
        }
        #[test] fn sid_stands_alone() {
            check_line(Pick::release("bookworm", Some("sid")), "deb http://m/d bookworm main\ndeb http://m/d bookworm-updates main", "deb http://m/d sid main")
        }
        #[test] fn an_old_security_suite() {
            check_line(Pick::release("buster", None), "deb http://m/s buster/updates main", "deb http://m/s buster/updates main")
        }
        #[test] fn an_alias() { check_line(Pick::alias(None), "deb http://m/d stable-updates main", "deb http://m/d stable-updates main") }
    }

    #[track_caller]
    fn check_stanza(pick: Pick, before: &str, after: &str) {
        assert_eq!(deb822(before, &pick), after);
    }

    #[test]
    fn a_stanza_keeps_place_and_key_only() {
        check_stanza(
            HOST(),
            "Types: deb deb-src\nURIs: http://m/d\n# was: http://old/d\nSuites: bookworm bookworm-updates nodistro\n\
             Components: main\nArchitectures: amd64\n i386\nTrusted: yes\nallow-insecure: yes\nCheck-Valid-Until: no\n\
             Signed-By: /k.gpg\n",
            "Types: deb\nURIs: http://m/d\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: /k.gpg\n\n",
        );
    }

    #[test]
    fn a_key_in_the_file_stays_whole() {
        let stanza = "Types: deb\nURIs: http://m/d\nSuites: bookworm\nSigned-By:\n -----BEGIN PGP-----\n .\n mQINB\n";
        check_stanza(HOST(), stanza, &format!("{stanza}\n"));
    }

    #[test]
    fn stanzas_that_do_not_serve_are_dropped() {
        check_stanza(
            HOST(),
            "Types: deb-src\nURIs: http://m/d\nSuites: bookworm\n\nTypes: deb\nURIs: http://m/d\nSuites: nodistro\n\n\
             Enabled: no\nTypes: deb\nURIs: http://m/d\nSuites: bookworm\n\nTypes: deb\nURIs: cdrom:[x]/\nSuites: bookworm\n",
            "",
        );
    }

    #[test]
    fn another_release_takes_every_place() {
        check_stanza(
            Pick::release("bookworm", Some("trixie")),
            "types: deb\nuris: http://m/d\nsuites: bookworm bookworm-security\n",
            "types: deb\nuris: http://m/d\nsuites: trixie trixie-security\n\n",
        );
    }
}
