//! Everything that can keep a guest from being there, each as one sentence: what, where, what next.

use std::path::{Path, PathBuf};

/// The two ways on that need no fetching. Ends every sentence that has no better advice.
macro_rules! otherwise {
    () => {
        "give a kernel with `--kernel FILE`, or run `armagic demo`, which needs no network"
    };
}

/// Why a guest or a package could not be had. Its text is meant for the user as it stands.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuestError {
    /// The name is in no table.
    #[error("no guest is called `{name}`; there are {known} (`armagic guest list` describes them)")]
    Unknown {
        /// As the user wrote it.
        name: String,
        /// All names, separated by commas.
        known: String,
    },
    /// Known, but not in the store.
    #[error("guest `{name}` is not in {store}; run `armagic guest fetch {name}`, or {}", otherwise!())]
    NotFetched {
        /// The guest.
        name: String,
        /// The store that was searched.
        store: PathBuf,
    },
    /// `ARMAGIC_OFFLINE` forbids what would be needed.
    #[error("{what} cannot be fetched because ARMAGIC_OFFLINE is set; unset it, or {}", otherwise!())]
    Offline {
        /// Guest or package.
        what: String,
    },
    /// There is no place for a cache.
    #[error("there is no directory to keep guests in: none of ARMAGIC_CACHE, XDG_CACHE_HOME and HOME is set; set one")]
    NoHome,
    /// The host has no apt.
    #[error("`{tool}` is not on this host, so packages cannot be fetched (a Debian-family host has it); {}", otherwise!())]
    NoApt {
        /// The program that was not found.
        tool: &'static str,
    },
    /// The host's apt has no usable source.
    #[error(
        "no apt source for {release} in {place} on this host; put a signed one in {extra} as NAME.sources, or {}",
        otherwise!()
    )]
    NoSources {
        /// The host's release.
        release: String,
        /// Where the host keeps its sources.
        place: String,
        /// Where the user may put one for us alone.
        extra: PathBuf,
    },
    /// A signature is missing, wrong, or by a key the host does not trust.
    #[error(
        "the package index for {arch} is not signed by a key this host trusts, so nothing was taken from it \
         (apt: {detail}); check the mirror and the archive keyring of this host, or {}",
        otherwise!()
    )]
    BadSignature {
        /// Debian's name of the architecture.
        arch: String,
        /// apt's own line.
        detail: String,
    },
    /// The mirror cannot be reached.
    #[error("the package mirror of this host cannot be reached (apt: {detail}); check the network, or {}", otherwise!())]
    Network {
        /// apt's own line.
        detail: String,
    },
    /// The mirror is there, but not for this architecture or suite.
    #[error(
        "the package mirror of this host has no {arch} packages for {suite} (apt: {detail}); put a signed source that has \
         them in {extra} as NAME.sources, or {}",
        otherwise!()
    )]
    NoIndex {
        /// Debian's name of the architecture.
        arch: String,
        /// The release asked for.
        suite: String,
        /// apt's own line.
        detail: String,
        /// Where the user may put a source for us alone.
        extra: PathBuf,
    },
    /// The index has no such package.
    #[error("there is no package `{package}` for {arch} in {suite}; {}", otherwise!())]
    NoPackage {
        /// The package.
        package: String,
        /// Debian's name of the architecture.
        arch: String,
        /// The release asked for.
        suite: String,
    },
    /// apt gave up on something else.
    #[error("apt failed to {doing} (apt: {detail}); try again, or {}", otherwise!())]
    Apt {
        /// What it was asked for.
        doing: String,
        /// apt's own line.
        detail: String,
    },
    /// A file is not what the signed index says.
    #[error("{path} is not what the signed index promises ({why}); delete it and fetch again, or {}", otherwise!())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Which promise is broken.
        why: String,
    },
    /// A package cannot be read.
    #[error("{path} cannot be unpacked: {why}; delete it and fetch again, or {}", otherwise!())]
    Archive {
        /// The package file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A package does not hold what we came for.
    #[error("{path} holds no {wanted}; this release may have moved it: {}", otherwise!())]
    Missing {
        /// The package file.
        path: PathBuf,
        /// The file looked for.
        wanted: String,
    },
    /// The store's record of a guest cannot be read.
    #[error("{path} is not a record we can read ({why}); delete it and run `armagic guest fetch` again")]
    Record {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The host refused a file operation.
    #[error("cannot {doing} {path}: {cause} (ARMAGIC_CACHE names another place to keep guests)")]
    Io {
        /// The operation, as a verb.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The host's reason.
        cause: std::io::Error,
    },
}

/// Names the operation and the file of an `io::Error`, for `map_err`.
pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> GuestError {
    move |cause| GuestError::Io { doing, path: path.to_path_buf(), cause }
}
