//! From apt's own words to one of our sentences.

use crate::error::GuestError;

/// What apt's complaints come down to, worst first: a bad signature outranks a missing suite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Signature,
    Hash,
    Network,
    Absent,
    Other,
}

/// Words of apt 2.x and 3.x, `gpgv` and `sqv` that tell the kinds apart, searched in this order.
#[rustfmt::skip]
const WORDS: &[(Kind, &[&str])] = &[
    (Kind::Signature, &["NO_PUBKEY", "BADSIG", "EXPKEYSIG", "REVKEYSIG", "is not signed", "signatures were invalid",
                        "signature verification", "couldn't be verified", "Clearsigned file isn't valid"]),
    (Kind::Hash,      &["Hash Sum mismatch", "unexpected size"]),
    (Kind::Network,   &["Could not resolve", "Temporary failure resolving", "Could not connect", "Connection failed",
                        "Connection refused", "Connection timed out", "Network is unreachable", "Cannot initiate the connection",
                        "Unable to connect", "certificate verification failed", "handshake"]),
    (Kind::Absent,    &["404", "does not have a Release file", "doesn't support architecture", "File not found"]),
];

/// The worst kind of complaint in `said`, and the line that makes it.
pub(crate) fn worst(said: &str) -> Option<(Kind, String)> {
    let lines: Vec<&str> =
        said.lines().filter(|l| ["E:", "W:", "Err:"].iter().any(|p| l.trim_start().starts_with(p))).collect();
    let told = WORDS.iter().find_map(|(kind, words)| {
        let line = lines.iter().find(|l| words.iter().any(|w| l.contains(w)))?;
        Some((*kind, tidy(line)))
    });
    told.or_else(|| lines.first().map(|l| (Kind::Other, tidy(l))))
}

/// The error for a complaint about the index of `suite`.
pub(crate) fn about_index(kind: Kind, detail: String, arch: &str, suite: &str, extra: &std::path::Path) -> GuestError {
    match kind {
        Kind::Signature => GuestError::BadSignature { arch: arch.to_string(), detail },
        Kind::Network => GuestError::Network { detail },
        Kind::Absent => {
            GuestError::NoIndex { arch: arch.to_string(), suite: suite.to_string(), detail, extra: extra.to_path_buf() }
        }
        Kind::Hash | Kind::Other => GuestError::Apt { doing: format!("read the {arch} package index"), detail },
    }
}

/// One line without apt's prefix and double spaces.
fn tidy(line: &str) -> String {
    let line = line.trim_start().trim_start_matches("E:").trim_start_matches("W:");
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(said: &str, kind: Kind, detail: &str) {
        assert_eq!(worst(said), Some((kind, detail.to_string())));
    }

    // Lines of apt 2.6 with the hosts' names changed.
    #[test]
    fn an_unknown_key() {
        check(
            "Get:1 http://m bookworm InRelease\nW: GPG error: http://m bookworm InRelease: The following signatures couldn't be \
             verified because the public key is not available: NO_PUBKEY 0E98\nE: The repository 'http://m bookworm InRelease' is not signed.",
            Kind::Signature,
            "GPG error: http://m bookworm InRelease: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 0E98",
        );
    }

    #[test]
    fn a_changed_index() {
        check(
            "E: Failed to fetch http://m/Packages.xz  Hash Sum mismatch",
            Kind::Hash,
            "Failed to fetch http://m/Packages.xz Hash Sum mismatch",
        );
    }

    #[test]
    fn no_network() {
        check(
            "W: Failed to fetch http://m/InRelease  Temporary failure resolving 'm'\nW: Some index files failed to download.",
            Kind::Network,
            "Failed to fetch http://m/InRelease Temporary failure resolving 'm'",
        );
    }

    #[test]
    fn no_such_suite() {
        check(
            "Ign:1 http://m x InRelease\nE: The repository 'http://m x Release' does not have a Release file.",
            Kind::Absent,
            "The repository 'http://m x Release' does not have a Release file.",
        );
    }

    #[test]
    fn something_else() {
        check("E: You don't have enough free space", Kind::Other, "You don't have enough free space");
    }

    #[test]
    fn nothing_wrong() {
        assert_eq!(worst("Hit:1 http://m bookworm InRelease\nReading package lists...\n"), None);
    }
}
