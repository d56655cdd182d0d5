//! What can go wrong between us, the kernel and the network.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use hive_system::Failure;

/// Why the kernel or the network could not be asked or told something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused, or a socket could not be had.
    #[error("{doing}")]
    Kernel {
        /// What was being done, to which thing.
        doing: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No answer in time.
    #[error("{doing}: no answer within {} s, it will be tried again", after.as_secs())]
    Late {
        /// What was being done, to which thing.
        doing: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// An answer does not read.
    #[error("{doing}: the answer does not read ({what}); please report it")]
    Answer {
        /// What was being done, to which thing.
        doing: String,
        /// What is wrong with the answer.
        what: String,
    },
    /// The interface is gone.
    #[error("there is no interface of number {0} any more; look at the interfaces again")]
    NoInterface(u32),
    /// The address is there and carries no mark of ours.
    #[error(
        "{ip} on {interface} was not added by us and is left alone; remove it by hand if it is a leftover, or take another address"
    )]
    NotOurs {
        /// The address.
        ip: IpAddr,
        /// The interface that has it.
        interface: String,
    },
    /// Two addresses that have to be of one family are not.
    #[error("{0} and {1} are of different families; take two of IPv4 or two of IPv6")]
    Families(IpAddr, IpAddr),
    /// A program is missing or failed.
    #[error("{doing}")]
    Program {
        /// What was being done.
        doing: String,
        /// The program's own words.
        #[source]
        source: Failure,
    },
}

impl Error {
    /// For `map_err`: the kernel refused what `doing` says.
    pub(crate) fn kernel<E: Into<io::Error>>(doing: impl Into<String>) -> impl FnOnce(E) -> Self {
        let doing = doing.into();
        move |source| Self::Kernel {
            doing,
            source: source.into(),
        }
    }

    /// The kernel's error number, if it was one.
    pub(crate) fn number(&self) -> Option<i32> {
        match self {
            Self::Kernel { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }
}
