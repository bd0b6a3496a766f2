//! The configuration of a private root.
//!
//! apt reads `APT_CONFIG`, then the parts, then the main file, so the host's parts would win over ours
//! and bring its hooks along. Ours therefore points both elsewhere, and copies what it wants of them.

use std::path::Path;

/// The text of `apt.conf` for a root at `dir` (an absolute path without `"`) and architecture `arch`.
/// `transport` comes after our own defaults, so the host's wish wins there, and before the rest.
pub(crate) fn text(dir: &Path, arch: &str, transport: &str) -> String {
    let dir = dir.display();
    format!(
        r#"// Written by armagic at every fetch.
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
{transport}
Dir::Etc::parts "{dir}/empty.d";
Dir::Etc::main "/dev/null";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{dir}/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "{dir}/empty.d";
Dir::State "{dir}";
Dir::State::lists "{dir}/lists/";
Dir::State::status "{dir}/status";
Dir::State::extended_states "{dir}/extended_states";
Dir::Cache "{dir}";
Dir::Cache::archives "{dir}/archives/";
Dir::Cache::pkgcache "{dir}/pkgcache.bin";
Dir::Cache::srcpkgcache "";
Dir::Log "{dir}/log";
APT::Architecture "{arch}";
APT::Architectures {{ "{arch}"; }};
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Languages "none";
Acquire::GzipIndexes "true";
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_cannot_undo_a_check() {
        let conf = text(Path::new("/r"), "arm64", "Acquire::AllowInsecureRepositories \"1\";\nAcquire::Retries \"9\";");
        let last = |name: &str| conf.lines().rfind(|l| l.starts_with(name)).unwrap();
        assert_eq!(last("Acquire::AllowInsecureRepositories"), "Acquire::AllowInsecureRepositories \"false\";");
        assert_eq!(last("Acquire::Retries"), "Acquire::Retries \"9\";");
    }
}
