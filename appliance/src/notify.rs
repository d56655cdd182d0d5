//! Tells systemd that the daemon is up: sd_notify(3), a datagram to the socket in `NOTIFY_SOCKET`.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends `READY=1`; does nothing where no systemd started the program.
///
/// # Errors
/// The socket is named and can't be reached.
pub fn ready() -> io::Result<()> {
    match std::env::var("NOTIFY_SOCKET") {
        Ok(socket) => send(&socket, "READY=1\n"),
        Err(_) => Ok(()),
    }
}

/// Sends `WATCHDOG=1`: the program's loop goes round. Does nothing where no systemd started the program.
///
/// # Errors
/// The socket is named and can't be reached.
pub fn alive() -> io::Result<()> {
    match std::env::var("NOTIFY_SOCKET") {
        Ok(socket) => send(&socket, "WATCHDOG=1\n"),
        Err(_) => Ok(()),
    }
}

/// A leading `@` stands for the zero byte of an abstract address.
fn send(socket: &str, message: &str) -> io::Result<()> {
    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 64];
        let n = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..n]).into_owned()
    }

    #[test]
    fn both_kinds_of_address_are_reached() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        send(path.to_str().unwrap(), "READY=1\n").unwrap();
        assert_eq!(received(&socket), "READY=1\n");

        let name = format!("hive-notify-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        send(&format!("@{name}"), "READY=1\n").unwrap();
        assert_eq!(received(&socket), "READY=1\n");
    }

    #[test]
    fn a_missing_socket_is_an_error() {
        assert!(send("/nowhere/notify", "READY=1\n").is_err());
    }
}
