//! Asking a person before something that can't be taken back.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::{CommandError, Result, Usage};
use crate::output;

/// Says what will happen, and goes on only when the person types `word`, or gave `--yes`.
///
/// # Errors
/// Something else was typed, or nobody is there to ask and `--yes` was not given; nothing was done then.
pub fn ask(consequence: &str, word: &str, yes: bool) -> Result<()> {
    output::say(consequence);
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(CommandError::from(Usage(
            "this asks for confirmation, and there is no terminal to ask at".into(),
        ))
        .hint("read what it says above, and give `--yes` if that is what you want"));
    }
    eprint!("Type `{word}` to go on: ");
    io::stderr().flush()?;
    let mut typed = String::new();
    io::stdin().lock().read_line(&mut typed)?;
    if typed.trim() == word {
        return Ok(());
    }
    Err(Usage("not confirmed, and nothing was done".into()).into())
}
