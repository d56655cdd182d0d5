//! A command line given as one text, taken apart as a shell would.

/// Why a text is no command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfinished {
    /// A quote without its partner.
    #[error("the quote {0} is not closed")]
    Quote(char),
    /// Nothing follows the last backslash.
    #[error("nothing follows the backslash at the end")]
    Backslash,
}

/// The words of a command line: quotes hold words together, a backslash takes the next character as
/// it is. Nothing is expanded.
pub(crate) fn split(text: &str) -> Result<Vec<String>, Unfinished> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('\'') => break,
                        Some(inner) => word.push(inner),
                        None => return Err(Unfinished::Quote('\'')),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('"') => break,
                        Some('\\') if matches!(characters.peek(), Some('"' | '\\' | '$' | '`')) => {
                            word.extend(characters.next());
                        }
                        Some(inner) => word.push(inner),
                        None => return Err(Unfinished::Quote('"')),
                    }
                }
            }
            '\\' => {
                let next = characters.next().ok_or(Unfinished::Backslash)?;
                word.get_or_insert_default().push(next);
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_apart_as_in_a_shell() {
        let words = split(r#"sh -c 'echo "$HOME" && ls' "a \"b\" \n" c\ d '' x"y"z"#).unwrap();
        assert_eq!(
            words,
            [
                "sh",
                "-c",
                "echo \"$HOME\" && ls",
                "a \"b\" \\n",
                "c d",
                "",
                "xyz"
            ]
        );
        assert!(split("  \n ").unwrap().is_empty());
    }

    #[test]
    fn an_open_quote_is_no_command_line() {
        assert_eq!(split("sh -c 'ls"), Err(Unfinished::Quote('\'')));
        assert_eq!(split("say \"hi"), Err(Unfinished::Quote('"')));
        assert_eq!(split("ls \\"), Err(Unfinished::Backslash));
    }
}
