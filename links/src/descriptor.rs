//! Sockets that tokio waits for.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::unix::AsyncFd;

/// Hands the socket to the runtime of the calling task; it has to be one that does not block.
pub(crate) fn watched(socket: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    #[allow(
        unsafe_code,
        reason = "AsyncFd takes any type, also one whose descriptor changes"
    )]
    // SAFETY: an OwnedFd has the same descriptor as long as it lives, open, and goes to nobody else.
    let registered = unsafe { AsyncFd::register(socket) };
    Ok(registered?)
}
