//! Sockets for whole frames: packet(7).

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::addr::{SocketAddrArg, SocketAddrLen, SocketAddrOpaque};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use socket2::{SockFilter, SockRef};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::checksum::ICMPV6;
use crate::descriptor::watched;
use crate::frame::{self, ADVERTISEMENT, NEXT_HEADER_AT, SOLICITATION, TYPE_AT};

/// Frames that are read are at most as long; neighbour discovery and ARP stay far below.
const LONGEST: usize = 2048;

/// A socket for frames of one EtherType on one interface.
#[derive(Debug)]
pub(crate) struct PacketSocket(AsyncFd<OwnedFd>);

impl PacketSocket {
    /// Opens it for ARP or, of IPv6, for neighbour discovery only.
    pub(crate) fn open(index: u32, kind: u16) -> io::Result<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::PACKET,
            SocketType::RAW,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            // Without a protocol it hears nothing: no frame of another interface gets in before it
            // is bound, and none of other protocols before the filter is there.
            None,
        )?;
        if kind == frame::IPV6 {
            SockRef::from(&socket).attach_filter(&neighbour_discovery())?;
        }
        rustix::net::bind(&socket, &LinkAddress { index, kind })?;
        watched(socket).map(Self)
    }

    /// Sends a frame, or drops it when the interface's queue is full.
    pub(crate) async fn send(&self, frame: &[u8]) -> io::Result<()> {
        let write = |socket: &OwnedFd| {
            rustix::net::send(socket, frame, SendFlags::empty())?;
            Ok(())
        };
        self.0.async_io(Interest::WRITABLE, write).await
    }

    /// The next frame.
    pub(crate) async fn receive(&self) -> io::Result<Vec<u8>> {
        let read = |socket: &OwnedFd| {
            let mut buffer = vec![0; LONGEST];
            let (_, length) = rustix::net::recv(socket, buffer.as_mut_slice(), RecvFlags::empty())?;
            buffer.truncate(length);
            Ok(buffer)
        };
        self.0.async_io(Interest::READABLE, read).await
    }
}

/// A program for the kernel (linux/filter.h, "classic" BPF): neighbour discovery passes, everything
/// else stays out, so that a busy link does not push an answer out of the queue.
fn neighbour_discovery() -> [SockFilter; 7] {
    const LOAD_BYTE: u16 = 0x30; // BPF_LD | BPF_B | BPF_ABS
    const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    [
        SockFilter::new(LOAD_BYTE, 0, 0, NEXT_HEADER_AT),
        SockFilter::new(IF_EQUAL, 0, 3, ICMPV6.into()),
        SockFilter::new(LOAD_BYTE, 0, 0, TYPE_AT),
        SockFilter::new(IF_EQUAL, 2, 0, SOLICITATION.into()),
        SockFilter::new(IF_EQUAL, 1, 0, ADVERTISEMENT.into()),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, LONGEST as u32),
    ]
}

/// The address of such a socket.
struct LinkAddress {
    index: u32,
    kind: u16,
}

#[allow(
    unsafe_code,
    reason = "rustix has no sockaddr_ll; the pointer is to a whole one, on the stack during the call"
)]
// SAFETY: the pointer is readable for the length that goes with it.
unsafe impl SocketAddrArg for LinkAddress {
    unsafe fn with_sockaddr<R>(
        &self,
        f: impl FnOnce(*const SocketAddrOpaque, SocketAddrLen) -> R,
    ) -> R {
        let address = libc::sockaddr_ll {
            sll_family: libc::AF_PACKET as u16,
            sll_protocol: self.kind.to_be(),
            sll_ifindex: self.index as i32,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        f((&raw const address).cast(), size_of_val(&address) as u32)
    }
}
