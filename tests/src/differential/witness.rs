//! Two user-mode QEMUs, of different age: what one lacks or gets wrong, the other tells.

use super::rows;
use a64::{Feature, RowInfo};
use guest::{GuestError, Store};
use std::io;
use std::path::PathBuf;
use std::process::Command;

/// Who is asked. Batches take turns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Witness {
    /// QEMU 7.2, of the host's release (Debian 12).
    Host,
    /// The newest that there is: QEMU 11, of Debian's unstable.
    Sid,
}

/// Features that QEMU 7.2 lacks: words that need them are compared with the other alone.
const HOST_LACKS: &[Feature] = &[Feature::CSSC, Feature::HBC, Feature::MOPS, Feature::WFxT, Feature::XS];

impl Witness {
    /// Both.
    pub const ALL: [Witness; 2] = [Witness::Host, Witness::Sid];

    /// Fetches it if it is not here yet; where the program is.
    pub fn fetch(self) -> Result<PathBuf, GuestError> {
        let store = Store::default_location()?;
        match self {
            Witness::Host => Ok(store.fetch_tool("qemu-user-static", &mut |_| {})?.join("usr/bin/qemu-aarch64-static")),
            // Linked statically as well, since Debian 13.
            Witness::Sid => Ok(store.fetch_tool_of("sid", "qemu-user", &mut |_| {})?.join("usr/bin/qemu-aarch64")),
        }
    }

    /// Its version, as it says itself.
    pub fn version(self) -> io::Result<String> {
        let program = self.fetch().map_err(io::Error::other)?;
        let said = Command::new(program).arg("--version").output()?.stdout;
        let said = String::from_utf8_lossy(&said);
        Ok(said.split_whitespace().nth(2).unwrap_or("of unknown version").to_string())
    }

    /// Why it cannot tell what `row` does, if it cannot.
    pub fn excludes(self, row: &RowInfo) -> Option<String> {
        match self {
            Witness::Host if HOST_LACKS.contains(&row.feature) => Some(format!("it lacks FEAT_{:?}", row.feature)),
            Witness::Sid if row.feature == Feature::PAuth => {
                Some("it has FEAT_PAuth2 and FEAT_FPAC, by which other codes result, and faults".to_string())
            }
            _ => None,
        }
    }

    /// May this word of a row be compared with it?
    pub fn allows(self, row: &RowInfo, word: u32) -> bool {
        match self {
            Witness::Host => HOST_LACKS.iter().all(|feature| !row.row.needs(word).has(*feature)),
            Witness::Sid => !row.row.needs(word).has(Feature::PAuth) && !rows::is_pauth_hint(row, word),
        }
    }

    /// Has it FEAT_LSE2?
    pub fn has_lse2(self) -> bool {
        self == Witness::Sid
    }
}
