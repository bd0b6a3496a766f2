//! What a call that fails says: a number for programs, and for people which check it was.

use std::fmt;

macro_rules! errnos {
    ($($variant:ident $name:ident $number:literal)*) => {
        /// The error numbers of this interface, as Linux on arm64 has them.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(i32)]
        pub enum Errno {
            $(#[doc = concat!("`", stringify!($name), "`.")] $variant = $number,)*
        }

        impl Errno {
            /// All of them.
            pub const ALL: &[Errno] = &[$(Errno::$variant),*];

            /// Its name, such as `EBUSY`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Errno::$variant => stringify!($name),)*
                }
            }
        }
    };
}

errnos! {
    Perm EPERM 1
    NoEnt ENOENT 2
    Intr EINTR 4
    Io EIO 5
    NxIo ENXIO 6
    TooBig E2BIG 7
    NoExec ENOEXEC 8
    NoMem ENOMEM 12
    Access EACCES 13
    Fault EFAULT 14
    Busy EBUSY 16
    Exist EEXIST 17
    NoDev ENODEV 19
    Inval EINVAL 22
    NoTty ENOTTY 25
    NoSpc ENOSPC 28
}

impl Errno {
    /// The number; an ioctl returns it negated.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The error number of that name.
    pub fn by_name(name: &str) -> Option<Errno> {
        Errno::ALL.iter().copied().find(|errno| errno.name() == name)
    }

    /// A refusal for this reason, in words that follow "because".
    pub(crate) const fn because(self, check: &'static str) -> Refusal {
        Refusal { errno: self, check, about: None }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A call was refused: the number, and the check that fired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What the ioctl returns, negated.
    pub errno: Errno,
    /// The check, in words.
    pub check: &'static str,
    /// What it was about, if that is a number: a vCPU, an index, a value.
    pub about: Option<u64>,
}

impl Refusal {
    pub(crate) const fn about(mut self, number: u64) -> Refusal {
        self.about = Some(number);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.errno, self.check)?;
        match self.about {
            Some(number) => write!(f, " ({number:#x})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Errno {
    fn from(refusal: Refusal) -> Errno {
        refusal.errno
    }
}
