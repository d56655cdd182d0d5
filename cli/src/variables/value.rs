//! Values and their types: from the words of the command line, from files, and back to words.

use serde_json::Value;

/// What a variable holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Yes or no.
    Boolean,
    /// One of these words.
    Enum(&'static [&'static str]),
    /// A whole number.
    Integer,
    /// A folder.
    Directory,
    /// Names and values.
    Dict,
    /// Any text.
    Text,
}

/// A value of another type than its variable's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found} is not {wanted}")]
pub struct WrongType {
    found: String,
    wanted: String,
}

impl Kind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Enum(_) => "enum",
            Self::Integer => "integer",
            Self::Directory => "directory",
            Self::Dict => "dict",
            Self::Text => "string",
        }
    }

    /// Reads what a person wrote on the command line.
    ///
    /// # Errors
    /// It is of another type.
    pub fn parse(self, text: &str) -> Result<Value, WrongType> {
        let wrong = || self.wrong(format!("`{text}`"));
        match self {
            Self::Boolean => match text.to_lowercase().as_str() {
                "true" | "yes" | "1" => Ok(true.into()),
                "false" | "no" | "0" => Ok(false.into()),
                _ => Err(wrong()),
            },
            Self::Enum(words) if !words.contains(&text) => Err(wrong()),
            Self::Integer => text
                .trim()
                .parse::<i64>()
                .map(Value::from)
                .map_err(|_| wrong()),
            Self::Dict => match serde_json::from_str(text) {
                Ok(value @ Value::Object(_)) => Ok(value),
                _ => Err(wrong()),
            },
            Self::Enum(_) | Self::Directory | Self::Text => Ok(text.into()),
        }
    }

    /// Takes over what a file says. Numbers and truth may be written as words there.
    ///
    /// # Errors
    /// It is of another type.
    pub fn accept(self, value: &Value) -> Result<Value, WrongType> {
        match (self, value) {
            (Self::Boolean, Value::Bool(_))
            | (Self::Integer, Value::Number(_))
            | (Self::Dict, Value::Object(_)) => Ok(value.clone()),
            (Self::Dict, Value::String(_)) => Err(self.wrong(value.to_string())),
            (_, Value::String(text)) => self.parse(text),
            (Self::Boolean | Self::Enum(_) | Self::Directory | Self::Text, Value::Number(n)) => {
                self.parse(&n.to_string())
            }
            (Self::Text, Value::Bool(yes)) => Ok(yes.to_string().into()),
            _ => Err(self.wrong(value.to_string())),
        }
    }

    fn wrong(self, found: String) -> WrongType {
        let wanted = match self {
            Self::Boolean => "true or false (yes, no, 1 and 0 will do)".to_owned(),
            Self::Enum(words) => format!("one of {}", words.join(", ")),
            Self::Integer => "a whole number".to_owned(),
            Self::Directory => "a folder".to_owned(),
            Self::Dict => r#"names and values, as JSON has them: {"name": 1}"#.to_owned(),
            Self::Text => "a text".to_owned(),
        };
        WrongType { found, wanted }
    }
}

/// A value in words: text as it is, the rest as JSON.
pub fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value without the password that an address may hold: `http://user:secret@proxy` as `http://***@proxy`.
pub fn without_password(value: &Value) -> Value {
    let Value::String(text) = value else {
        return value.clone();
    };
    // An `@` further on is part of the path.
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = text[start..].find('/').map_or(text.len(), |at| start + at);
    match text[start..end].rfind('@') {
        Some(at) if text[start..start + at].contains(':') => {
            format!("{}***{}", &text[..start], &text[start + at..]).into()
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_become_values_of_their_type() {
        assert_eq!(Kind::Boolean.parse("Yes"), Ok(json!(true)));
        assert_eq!(Kind::Boolean.parse("0"), Ok(json!(false)));
        assert_eq!(Kind::Integer.parse("-7"), Ok(json!(-7)));
        assert_eq!(Kind::Dict.parse(r#"{"a": 1}"#), Ok(json!({"a": 1})));
        assert_eq!(Kind::Enum(&["a"]).parse("a"), Ok(json!("a")));
    }

    #[test]
    fn a_wrong_type_says_what_is_wanted() {
        let text = |kind: Kind, word: &str| kind.parse(word).unwrap_err().to_string();
        assert_eq!(text(Kind::Integer, "ten"), "`ten` is not a whole number");
        assert_eq!(text(Kind::Enum(&["a", "b"]), "c"), "`c` is not one of a, b");
        assert_eq!(
            text(Kind::Boolean, "maybe"),
            "`maybe` is not true or false (yes, no, 1 and 0 will do)"
        );
        assert!(text(Kind::Dict, "[1]").contains("as JSON has them"));
    }

    #[test]
    fn files_may_write_numbers_as_words() {
        assert_eq!(Kind::Integer.accept(&json!("5")), Ok(json!(5)));
        assert_eq!(Kind::Text.accept(&json!(3128)), Ok(json!("3128")));
        assert_eq!(Kind::Boolean.accept(&json!("no")), Ok(json!(false)));
        assert!(Kind::Dict.accept(&json!("{}")).is_err());
        assert!(Kind::Integer.accept(&json!([1])).is_err());
    }

    #[test]
    fn passwords_in_addresses_are_not_shown() {
        let shown = |text: &str| words(&without_password(&json!(text)));
        assert_eq!(shown("http://u:p@h:3128/x"), "http://***@h:3128/x");
        assert_eq!(shown("u:p@h:3128"), "***@h:3128");
        assert_eq!(shown("h:3128"), "h:3128");
        assert_eq!(shown("/srv/a@b:c/d"), "/srv/a@b:c/d");
    }
}
