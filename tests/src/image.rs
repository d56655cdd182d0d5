//! Container images made of this computer's Debian packages: no registry is reachable from a story.
//!
//! One archive as `docker save` writes it, so that every host that loads it has the same image ids.
//! All images share a layer with busybox (package busybox-static) and perl (perl-base, which every
//! Debian has; busybox can't listen for UDP). Programs of the stories' own can be added to it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::{said, sha256};

/// Starts a web server whose page tells the version, and `/cgi-bin/who` who answers whom.
const SERVE: &str = "#!/bin/sh
exec httpd -f -p \"${PORT:-80}\" -h /www
";
const WHO: &str = "#!/bin/sh
echo 'Content-Type: text/plain'
echo
echo \"task=${TASK:-$(hostname)} address=$(hostname -i) client=$REMOTE_ADDR version=$(cat /www/version)\"
";
/// Answers each datagram at port 9 with its own name.
const UDP: &str = r#"#!/usr/bin/perl
use IO::Socket;
my $s = IO::Socket::INET->new(LocalPort => 9, Proto => "udp") or die;
while (defined $s->recv(my $m, 1500)) { $s->send("$ENV{TASK} heard $m") }
"#;
/// `front /a=one:80 /b=two:80` passes what is asked for below /a on to the host `one`, and so on.
const FRONT: &str = r#"#!/usr/bin/perl
use IO::Socket::INET;
my %to = map { split /=/, $_, 2 } @ARGV;
$SIG{CHLD} = "IGNORE";
my $s = IO::Socket::INET->new(Listen => 16, LocalPort => 80, ReuseAddr => 1) or die;
while (my $c = $s->accept) {
    next if fork;
    my $line = <$c>;
    while (<$c>) { last if /^\r?$/ }
    my ($way, $rest) = $line =~ m{^GET (/[^/ ]+)(/\S*)};
    my $u = IO::Socket::INET->new(PeerAddr => $to{$way}, Timeout => 5);
    if (!$u) { print $c "HTTP/1.0 502 Bad Gateway\r\n\r\n"; exit }
    print $u "GET $rest HTTP/1.0\r\n\r\n";
    print $c $_ while <$u>;
    exit;
}
"#;
/// Busybox's init keeps what a small machine would run.
const INITTAB: &str = "::sysinit:/bin/mkdir -p /run/lock
::respawn:/bin/httpd -f -p 80 -h /www
";
const PERL: &str = "/opt/perl";
const START_PERL: &str = "#!/bin/sh
exec /opt/perl/ld-linux-x86-64.so.2 --library-path /opt/perl /opt/perl/perl \"$@\"
";
const SHARED_PERL: &str = "usr/lib/x86_64-linux-gnu/perl-base";

/// An archive of images, in a folder that goes with it.
#[derive(Debug)]
pub struct Images {
    dir: tempfile::TempDir,
}

/// An image of the archive.
#[derive(Debug, Clone, Copy)]
pub struct Image {
    /// `name:tag`.
    pub tag: &'static str,
    /// What its page `/version` says.
    pub version: &'static str,
}

impl Images {
    /// Makes them; each runs a web server at port 80 unless told otherwise.
    pub fn new(images: &[Image]) -> Self {
        Self::with_programs(images, &[])
    }

    /// Makes them with these programs in their `/bin`.
    pub fn with_programs(images: &[Image], programs: &[&Path]) -> Self {
        let made = Self {
            dir: tempfile::Builder::new()
                .prefix("hive-images-")
                .tempdir()
                .unwrap(),
        };
        let root = made.dir.path();
        fs::create_dir(root.join("archive")).unwrap();
        let shared = made.layer("shared", fill_shared);
        let mut manifest = Vec::new();
        for image in images {
            let own = made.layer(&image.tag.replace(':', "-"), |folder| {
                write(
                    folder,
                    "www/version",
                    &format!("{}\n", image.version),
                    0o644,
                );
                for program in programs {
                    carry(folder, program);
                }
            });
            manifest.push(made.image(image, &[&shared, &own]));
        }
        let text = serde_json::to_vec(&manifest).unwrap();
        fs::write(root.join("archive/manifest.json"), text).unwrap();
        tar(&root.join("archive"), &made.tar());
        ok(Command::new("gzip").arg("-1").arg(made.tar()));
        made
    }

    /// The archive, for `docker load`.
    pub fn archive(&self) -> PathBuf {
        self.dir.path().join("images.tar.gz")
    }

    fn tar(&self) -> PathBuf {
        self.dir.path().join("images.tar")
    }

    /// Packs a layer; returns its digest, which is its name in the archive.
    fn layer(&self, name: &str, fill: impl FnOnce(&Path)) -> String {
        let folder = self.dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        fill(&folder);
        let packed = self.dir.path().join(format!("{name}.tar"));
        tar(&folder, &packed);
        let digest = sha256(&packed);
        let place = self.dir.path().join(format!("archive/{digest}.tar"));
        fs::rename(packed, place).unwrap();
        digest
    }

    /// Writes an image's configuration; returns its entry of the manifest.
    fn image(&self, image: &Image, layers: &[&String]) -> Value {
        let digests: Vec<String> = layers.iter().map(|l| format!("sha256:{l}")).collect();
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "created": "2020-01-01T00:00:00Z",
            "config": {
                "Cmd": ["serve"],
                "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
                "WorkingDir": "/",
            },
            "rootfs": {"type": "layers", "diff_ids": digests},
            "history": layers.iter().map(|_| json!({"created_by": "hive's stories"})).collect::<Vec<_>>(),
        });
        let name = format!("{}.json", image.tag.replace(':', "-"));
        let place = self.dir.path().join("archive").join(&name);
        fs::write(place, serde_json::to_vec(&config).unwrap()).unwrap();
        let files: Vec<String> = layers.iter().map(|l| format!("{l}.tar")).collect();
        json!({"Config": name, "RepoTags": [image.tag], "Layers": files})
    }
}

fn fill_shared(root: &Path) {
    for folder in ["bin", "etc", "tmp", "run", "proc", "sys", "dev", "root"] {
        fs::create_dir(root.join(folder)).unwrap();
    }
    fs::set_permissions(root.join("tmp"), Permissions::from_mode(0o1777)).unwrap();
    symlink("bin", root.join("sbin")).unwrap();
    let busybox = "/bin/busybox";
    assert!(
        Path::new(busybox).exists(),
        "package busybox-static is not installed; `cargo xtask` installs it"
    );
    fs::copy(busybox, root.join("bin/busybox")).unwrap();
    let list = Command::new(busybox).arg("--list").output().unwrap();
    for name in String::from_utf8(list.stdout).unwrap().lines() {
        if name != "busybox" {
            symlink("busybox", root.join("bin").join(name)).unwrap();
        }
    }
    write(root, "bin/serve", SERVE, 0o755);
    write(root, "bin/udp-echo", UDP, 0o755);
    write(root, "bin/front", FRONT, 0o755);
    write(root, "www/cgi-bin/who", WHO, 0o755);
    write(root, "www/index.html", "hive\n", 0o644);
    write(root, "etc/inittab", INITTAB, 0o644);
    write(
        root,
        "etc/passwd",
        "root:x:0:0::/root:/bin/sh\nguest:x:1000:1000::/:/bin/sh\n",
        0o644,
    );
    write(root, "etc/group", "root:x:0:\nguest:x:1000:\n", 0o644);
    perl(root);
}

/// The interpreter with its modules as they lie here.
fn perl(root: &Path) {
    with_libraries(root, Path::new("/usr/bin/perl"), PERL);
    write(root, "usr/bin/perl", START_PERL, 0o755);
    let modules = root.join(SHARED_PERL);
    fs::create_dir_all(modules.parent().unwrap()).unwrap();
    let from = Path::new("/").join(SHARED_PERL);
    ok(Command::new("cp").arg("-a").arg(from).arg(modules));
}

/// A program, which containers find in `/bin`, whether it is static or not.
fn carry(root: &Path, program: &Path) {
    let name = program.file_name().unwrap().to_str().unwrap();
    let folder = format!("/opt/{name}");
    let start = match with_libraries(root, program, &folder) {
        0 => format!("exec {folder}/{name} \"$@\""),
        _ => format!(
            "exec {folder}/ld-linux-x86-64.so.2 --library-path {folder} {folder}/{name} \"$@\""
        ),
    };
    write(
        root,
        &format!("bin/{name}"),
        &format!("#!/bin/sh\n{start}\n"),
        0o755,
    );
}

/// A program in a folder with the libraries that it needs; returns how many. They lie apart: a static
/// busybox that finds a C library at the usual place loads it to resolve names, and can die of it.
fn with_libraries(root: &Path, program: &Path, folder: &str) -> usize {
    let place = root.join(&folder[1..]);
    fs::create_dir_all(&place).unwrap();
    let told = Command::new("ldd").arg(program).output().unwrap();
    // Of a static program it says that in words, on either output.
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let words = text.split_whitespace().filter(|w| w.starts_with('/'));
    let libraries: Vec<&Path> = words.map(Path::new).collect();
    for file in libraries.iter().copied().chain([program]) {
        fs::copy(file, place.join(file.file_name().unwrap())).unwrap();
    }
    libraries.len()
}

fn write(root: &Path, name: &str, text: &str, mode: u32) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Packs a folder so that the same files give the same bytes.
fn tar(folder: &Path, to: &Path) {
    ok(Command::new("tar")
        .args([
            "--sort=name",
            "--mtime=@0",
            "--numeric-owner",
            "--owner=0",
            "--group=0",
        ])
        .arg("-C")
        .arg(folder)
        .arg("-cf")
        .arg(to)
        .arg("."));
}

fn ok(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", said(&output));
}
