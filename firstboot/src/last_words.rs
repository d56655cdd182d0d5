//! The end of a boot that cannot go on: the words stay on the console, then the machine restarts.

use std::thread::sleep;
use std::time::Duration;

use rustix::system::{RebootCommand, reboot};

use crate::console::Console;
use crate::failure::Failure;

/// Says what failed and what to do, waits `seconds` so that it can be read, and restarts the
/// machine, which is where boot counting may fall back to the other slot. Never a shell. 0 waits
/// for ever.
pub fn stop(console: &Console, failure: &Failure, seconds: u64) -> ! {
    console.fail(&format!("this machine does not start: {}", failure.story()));
    console.fail(&format!("next step: {}", failure.next()));
    if seconds == 0 {
        console.fail("waiting for a person (hive.panic=0)");
        loop {
            sleep(Duration::from_secs(3600));
        }
    }
    let mut left = seconds;
    while left > 0 {
        console.fail(&format!("restarting in {left} s"));
        let pause = left.min(10);
        sleep(Duration::from_secs(pause));
        left -= pause;
    }
    rustix::fs::sync();
    let _ = reboot(RebootCommand::Restart);
    // The kernel restarts a machine whose init ends, as `kernel.panic` was set at the start.
    std::process::exit(1)
}

/// Tells the kernel how long a panic of its own stays on the screen, and makes a fault of this
/// program end in readable words too.
pub fn prepare(seconds: u64) {
    let _ = std::fs::write("/proc/sys/kernel/panic", format!("{seconds}\n"));
    std::panic::set_hook(Box::new(|info| {
        Console::open().fail(&format!(
            "this machine does not start: a fault in hive-init itself: {info}; next step: report it with this line"
        ));
    }));
}
