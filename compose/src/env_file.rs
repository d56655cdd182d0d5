//! Files of environment variables, as docker reads them: no quotes, no substitution.

/// Names with values.
pub(crate) type Variables = Vec<(String, Option<String>)>;

/// Names with values; a name alone takes its value from outside, if there is one.
///
/// # Errors
/// The number of a line and what is wrong with it.
pub(crate) fn read(text: &str) -> Result<Variables, (usize, String)> {
    let mut variables = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (line.trim_end(), None),
        };
        if name.is_empty() {
            return Err((number + 1, "there is no name before the `=`".into()));
        }
        if name.contains(char::is_whitespace) {
            return Err((number + 1, format!("the name `{name}` has a space in it")));
        }
        variables.push((name.to_owned(), value));
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn lines_are_taken_as_they_are() {
        let text = "# comment\n A=1\n\nB=\"x\" # y\nC\nD=\n";
        let pair = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
        let expected = [
            pair("A", Some("1")),
            pair("B", Some("\"x\" # y")),
            pair("C", None),
            pair("D", Some("")),
        ];
        assert_eq!(read(text).unwrap(), expected);
        assert_eq!(read("A=1\n=2").unwrap_err().0, 2);
        assert_eq!(read("export A=1").unwrap_err().0, 1);
    }
}
