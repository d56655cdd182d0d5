//! What can go wrong with a virtual machine, said so that a person knows the next step.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Any error, as closures given to the waiting helpers may return it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a virtual machine could not be started, driven or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program is missing or failed.
    #[error(transparent)]
    Program(#[from] hive_system::Failure),
    /// A file or socket could not be used.
    #[error("{doing} {}", path.display())]
    Io {
        /// What was being done, as in "reading".
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The description of the machine makes no sense.
    #[error("virtual machine `{name}`: {problem}")]
    Config {
        /// The machine.
        name: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// No firmware was found.
    #[error(
        "no UEFI firmware for virtual machines found; install it with `apt-get install ovmf`, \
         or name it in HIVE_OVMF_CODE and HIVE_OVMF_VARS. Tried:{}",
        list(tried)
    )]
    NoFirmware {
        /// Where it was looked for, each with what came of it.
        tried: Vec<String>,
    },
    /// The firmware named can't be used.
    #[error("firmware: {problem}")]
    Firmware {
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A disk image, kernel or other file the machine needs is not there.
    #[error("virtual machine `{name}`: {what} {} does not exist", path.display())]
    FileMissing {
        /// The machine.
        name: String,
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The host port of a forward is in use.
    #[error(
        "virtual machine `{name}`: 127.0.0.1:{port} is taken by another program; \
         stop it (`ss -ltnp` shows it), choose another port, or 0 for any free one"
    )]
    PortTaken {
        /// The machine.
        name: String,
        /// The port on this computer.
        port: u16,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A port of a switch is held by another running machine.
    #[error("port `{port}` of the switch in {} is in use by process {pid}; stop it first", switch.display())]
    PlugTaken {
        /// The port's name.
        port: String,
        /// The switch's folder.
        switch: PathBuf,
        /// Who holds it.
        pid: i32,
    },
    /// The accelerator asked for does not work here.
    #[error("accelerator {accelerator} does not work here: {problem}")]
    Accelerator {
        /// The accelerator.
        accelerator: &'static str,
        /// Why.
        problem: String,
    },
    /// QEMU is too old.
    #[error("{program} is version {found}; 7.2 or newer is needed (Debian 12 has it)")]
    TooOld {
        /// The program.
        program: String,
        /// Its version.
        found: String,
    },
    /// A machine runs in this folder already.
    #[error("virtual machine `{name}` runs already (process {pid}, folder {}); attach to it or stop it first", dir.display())]
    AlreadyRunning {
        /// The machine.
        name: String,
        /// Its process.
        pid: i32,
        /// Its folder.
        dir: PathBuf,
    },
    /// No machine runs in this folder.
    #[error("no virtual machine runs in {}: {why}", dir.display())]
    NotRunning {
        /// The folder.
        dir: PathBuf,
        /// How that is known.
        why: String,
    },
    /// QEMU ended before the machine started.
    #[error("virtual machine `{name}` did not start: {said}\nThe command was: {command}")]
    StartFailed {
        /// The machine.
        name: String,
        /// The end of what QEMU said.
        said: String,
        /// The command line, ready to paste.
        command: String,
    },
    /// The machine ended while it was needed.
    #[error("virtual machine `{name}` ended ({how}); logs are in {}{}", dir.display(), last(serial))]
    Died {
        /// The machine.
        name: String,
        /// How it ended, as far as known.
        how: String,
        /// The folder with `serial.log` and `qemu.log`.
        dir: PathBuf,
        /// Its last lines on the serial port.
        serial: String,
    },
    /// QEMU refused a command.
    #[error("QEMU refused `{command}`: {description} ({class})")]
    Refused {
        /// The QMP command.
        command: String,
        /// QEMU's class of error.
        class: String,
        /// QEMU's words.
        description: String,
    },
    /// QEMU did not answer, or not as it should.
    #[error("QMP command `{command}`: {problem}")]
    Qmp {
        /// The command under way.
        command: String,
        /// What happened.
        problem: String,
    },
    /// The connection to QEMU's monitor broke.
    #[error("the connection to QEMU broke during `{command}`")]
    QmpLost {
        /// The command under way.
        command: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Something waited for did not come.
    #[error("waited {:.1} s for {what}, in vain{}{}", waited.as_secs_f64(), because(cause), logs_in(logs))]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
        /// Where to look further.
        logs: Option<PathBuf>,
        /// The last thing seen instead, if any.
        cause: Option<String>,
    },
    /// The thing waited for can't come any more.
    #[error("waiting for {what}{}", logs_in(logs))]
    Waiting {
        /// What was waited for.
        what: String,
        /// Where to look further.
        logs: Option<PathBuf>,
        /// Why not.
        #[source]
        source: BoxError,
    },
    /// A saved machine can't be used.
    #[error("saved machine in {}: {problem}", dir.display())]
    Saved {
        /// The folder of the saved machine.
        dir: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
}

impl Error {
    /// For `map_err`: an error of the system, with what was being done to which file.
    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }
}

fn list(lines: &[String]) -> String {
    lines.iter().map(|l| format!("\n  {l}")).collect()
}

fn last(serial: &str) -> String {
    if serial.is_empty() {
        return "; it wrote nothing on the serial port".to_owned();
    }
    format!("; its last lines on the serial port:\n{serial}")
}

fn because(cause: &Option<String>) -> String {
    cause
        .as_ref()
        .map(|c| format!(" (seen instead: {c})"))
        .unwrap_or_default()
}

fn logs_in(logs: &Option<PathBuf>) -> String {
    logs.as_ref()
        .map(|dir| format!("; logs are in {}", dir.display()))
        .unwrap_or_default()
}
