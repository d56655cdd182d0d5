//! Unix sockets in folders of any depth.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Connects to the socket `name` in `dir`.
///
/// The path of a unix socket has at most 107 bytes (`unix(7)`), and folders of tests are often
/// deeper: so it is reached through the folder's descriptor.
pub(crate) fn connect(dir: &Path, name: &str) -> io::Result<UnixStream> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(dir, flags, Mode::empty())?;
    UnixStream::connect(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()))
}

/// Whether the process listens at a socket that it bound under this `name`.
///
/// To ask by connecting would take the place of the one who is to connect.
pub(crate) fn listens(pid: i32, name: &str) -> io::Result<bool> {
    let table = fs::read_to_string(format!("/proc/{pid}/net/unix"))?;
    let sockets: Vec<String> = table
        .lines()
        .filter_map(|line| listening_inode(line, name))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if sockets.is_empty() {
        return Ok(false);
    }
    for descriptor in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // One that was closed meanwhile is none of those sought.
        if let Ok(target) = fs::read_link(descriptor?.path())
            && sockets.iter().any(|s| target.as_os_str() == s.as_str())
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The inode in a line of `/proc/net/unix` (`proc_net(5)`) if it is a socket bound under `name`
/// that accepts connections (the kernel's flag `__SO_ACCEPTCON`, 0x10000).
fn listening_inode<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = line.split_whitespace();
    let flags = u32::from_str_radix(fields.nth(3)?, 16).ok()?;
    let inode = fields.nth(2)?;
    (flags & 0x1_0000 != 0 && fields.next()? == name).then_some(inode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn deep_folders_are_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(100)).join("e".repeat(100));
        fs::create_dir_all(&deep).unwrap();
        // Bound in a shallow place, then moved: binding has the same limit.
        let _listener = UnixListener::bind(dir.path().join("s")).unwrap();
        fs::rename(dir.path().join("s"), deep.join("s")).unwrap();
        assert!(connect(&deep, "s").is_ok());
        assert!(connect(&deep, "t").is_err());
    }

    #[test]
    fn a_socket_that_is_bound_listens_only_once_it_does() {
        use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, listen, socket};
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let pid = i32::try_from(std::process::id()).unwrap();
        let name = path.to_str().unwrap();
        let bound = socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        bind(&bound, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        assert!(!listens(pid, name).unwrap(), "it is only bound yet");
        listen(&bound, 1).unwrap();
        assert!(listens(pid, name).unwrap());
        assert!(!listens(pid, "another").unwrap());
    }
}
