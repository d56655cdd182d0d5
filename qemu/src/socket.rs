//! Unix sockets in folders of any depth.

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn deep_folders_are_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(100)).join("e".repeat(100));
        std::fs::create_dir_all(&deep).unwrap();
        // Bound in a shallow place, then moved: binding has the same limit.
        let _listener = UnixListener::bind(dir.path().join("s")).unwrap();
        std::fs::rename(dir.path().join("s"), deep.join("s")).unwrap();
        assert!(connect(&deep, "s").is_ok());
        assert!(connect(&deep, "t").is_err());
    }
}
