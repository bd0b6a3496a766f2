//! What can be wrong with a snapshot.

use super::format::VERSION;
use crate::board::BoardError;
use crate::spec::SpecError;
use vgic::Refusal;

/// A snapshot cannot be written, or not be read. The file's name is the caller's to say.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Of the host.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Not a snapshot.
    #[error("it is not a snapshot of armagic")]
    Foreign,
    /// Another version's.
    #[error("it has version {0} of the format, and this armagic reads version {VERSION}")]
    Version(u32),
    /// It ends too early.
    #[error("it is truncated: it ends in the part `{0}`")]
    Truncated(&'static str),
    /// The checksum does not match.
    #[error("it is corrupted in the part `{0}`")]
    Corrupt(&'static str),
    /// A part is whole but not understood.
    #[error("the part `{part}` cannot be decoded: {cause}")]
    Decode {
        /// Which.
        part: &'static str,
        /// The decoder's words.
        cause: postcard::Error,
    },
    /// Our own fault.
    #[error("the part `{part}` cannot be encoded: {cause}")]
    Encode {
        /// Which.
        part: &'static str,
        /// The encoder's words.
        cause: postcard::Error,
    },
    /// A value that the machine cannot have.
    #[error("the part `{part}` does not fit its machine: {what}")]
    Content {
        /// Which.
        part: &'static str,
        /// What of it.
        what: &'static str,
    },
    /// A PE has a state that its model cannot have.
    #[error("CPU {index} has a state that its model cannot have: {what}")]
    Cpu {
        /// Which.
        index: usize,
        /// What of it.
        what: &'static str,
    },
    /// A model that this build does not know.
    #[error("its CPUs are `{0}`, a model that this armagic does not have")]
    Model(String),
    /// A model that has changed.
    #[error("its CPUs are `{0}`, whose ID registers are others in this armagic")]
    ModelChanged(String),
    /// The machine cannot be made as specified.
    #[error("the part `board` describes no machine: {0}")]
    Spec(#[from] SpecError),
    /// The board cannot be put together as specified.
    #[error("the part `board` describes no machine: {0}")]
    Board(#[from] Box<BoardError>),
    /// The GIC refuses a value.
    #[error("the GIC refuses {what}: {cause}")]
    Gic {
        /// Which register.
        what: String,
        /// Why.
        cause: Refusal,
    },
    /// It runs, or has ended.
    #[error("the machine is not stopped, or has ended: there is nothing to save")]
    NotHeld,
}

impl From<BoardError> for SnapshotError {
    fn from(cause: BoardError) -> SnapshotError {
        SnapshotError::Board(Box::new(cause))
    }
}
