//! Sockets of routing netlink.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

use super::message::Batch;
use super::{Message, Request, decode};
use crate::descriptor::watched;
use crate::error::Error;

/// The kernel answers within milliseconds; more means that something is wrong.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a list is asked for again when it changed while it was told.
const TRIES: usize = 5;
/// No message of a list is longer (the kernel's NLMSG_GOODSIZE and its 32 KiB for lists).
const LONGEST: usize = 64 * 1024;

// linux/rtnetlink.h, as bits for bind
const RTMGRP_LINK: u32 = 0x1;
const RTMGRP_IPV4_IFADDR: u32 = 0x10;
const RTMGRP_IPV6_IFADDR: u32 = 0x100;

/// Asks the kernel, in the network namespace of the calling thread.
///
/// # Errors
/// It refuses, or does not answer in time.
pub(crate) async fn request(doing: &str, request: &Request) -> Result<Vec<Message>, Error> {
    let answers = async {
        for _ in 1..TRIES {
            if let Some(whole) = ask(doing, request).await? {
                return Ok(whole);
            }
        }
        ask(doing, request).await?.ok_or_else(|| Error::Answer {
            doing: doing.to_owned(),
            what: "it changed each time while it was told".to_owned(),
        })
    };
    timeout(PATIENCE, answers).await.map_err(|_| Error::Late {
        doing: doing.to_owned(),
        after: PATIENCE,
    })?
}

/// Asks once; `None` if the list changed while it was told.
async fn ask(doing: &str, request: &Request) -> Result<Option<Vec<Message>>, Error> {
    const SEQUENCE: u32 = 1;
    let socket = Socket::open(0).map_err(Error::kernel(doing))?;
    let sent = rustix::net::send(
        socket.0.get_ref(),
        &request.encode(SEQUENCE),
        SendFlags::empty(),
    );
    sent.map_err(Error::kernel(doing))?;
    let mut answers = Vec::new();
    let mut whole = true;
    loop {
        let batch = socket.receive().await.map_err(Error::kernel(doing))?;
        whole &= !batch.interrupted;
        for (sequence, message) in batch.messages {
            match message {
                _ if sequence != SEQUENCE => {}
                Message::Done(0) | Message::End(0) => return Ok(whole.then_some(answers)),
                Message::Done(number) | Message::End(number) => {
                    return Err(Error::kernel(doing)(io::Error::from_raw_os_error(number)));
                }
                other => answers.push(other),
            }
        }
    }
}

/// Hears of changes of links and addresses.
#[derive(Debug)]
pub(crate) struct Listener(Socket);

impl Listener {
    /// Listens from now on, in the network namespace of the calling thread.
    pub(crate) fn open() -> io::Result<Self> {
        Socket::open(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR).map(Self)
    }

    /// The next messages; `None` if some were lost.
    pub(crate) async fn next(&self) -> io::Result<Option<Vec<Message>>> {
        match self.0.receive().await {
            Ok(batch) => Ok(Some(batch.messages.into_iter().map(|(_, m)| m).collect())),
            Err(e) if e.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => {
                // The kernel says so once and goes on to drop until all that it kept was read. Only
                // then can whoever looks at everything again be sure to hear what comes after.
                while read(self.0.0.get_ref()).is_ok() {}
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }
}

#[derive(Debug)]
struct Socket(AsyncFd<OwnedFd>);

impl Socket {
    fn open(groups: u32) -> io::Result<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            // NETLINK_ROUTE is 0.
            None,
        )?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, groups))?;
        watched(socket).map(Self)
    }

    async fn receive(&self) -> io::Result<Batch> {
        self.0.async_io(Interest::READABLE, read).await
    }
}

/// Reads what is there, without waiting.
fn read(socket: &OwnedFd) -> io::Result<Batch> {
    let mut buffer = vec![0; LONGEST];
    let (_, length) = rustix::net::recv(socket, buffer.as_mut_slice(), RecvFlags::TRUNC)?;
    if length > LONGEST {
        let what = format!("a message of {length} bytes from the kernel");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    Ok(decode(&buffer[..length]))
}
