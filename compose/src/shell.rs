//! Words of a command that is written as one text.

/// Splits as a shell does, without variables and wildcards.
///
/// # Errors
/// A quote is not closed.
pub(crate) fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some('\'') => break,
                        Some(letter) => word.push(letter),
                        None => return Err("a single quote is not closed".into()),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some('"') => break,
                        Some('\\') => match letters.next() {
                            Some(letter @ ('"' | '\\' | '$' | '`')) => word.push(letter),
                            Some('\n') => {}
                            Some(letter) => {
                                word.push('\\');
                                word.push(letter);
                            }
                            None => return Err("a double quote is not closed".into()),
                        },
                        Some(letter) => word.push(letter),
                        None => return Err("a double quote is not closed".into()),
                    }
                }
            }
            '\\' => match letters.next() {
                Some('\n') => {}
                Some(letter) => word.get_or_insert_default().push(letter),
                None => return Err("nothing follows the backslash at the end".into()),
            },
            letter if letter.is_whitespace() => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_are_those_of_a_shell() {
        for (text, expected) in [
            ("sleep  100", vec!["sleep", "100"]),
            ("sh -c 'a \"b\" $X'", vec!["sh", "-c", "a \"b\" $X"]),
            (r#"a "b \"c\" \n" d\ e"#, vec!["a", "b \"c\" \\n", "d e"]),
            ("''", vec![""]),
            ("", vec![]),
            ("a\\\nb", vec!["ab"]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
        assert!(words("a 'b").is_err());
        assert!(words("a \"b").is_err());
        assert!(words("a\\").is_err());
    }
}
