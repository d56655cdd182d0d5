//! `b64encode` and `b64decode`.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Filter;
use crate::{Error, ErrorKind, Value};

/// Python takes texts with or without `=` at the end of the last group.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("b64encode", |_, a| {
        let text = a.input_text()?;
        Ok(Value::from(match a.text(1, "encoding")?.as_deref() {
            None | Some("utf-8" | "utf8" | "ascii") => LENIENT.encode(text),
            Some("utf-16-le") => {
                let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                LENIENT.encode(bytes)
            }
            Some(other) => return Err(encoding(other)),
        }))
    }),
    ("b64decode", |_, a| {
        let text: String = a
            .input_text()?
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect();
        let bytes = LENIENT.decode(&text).map_err(|cause| {
            Error::new(ErrorKind::Operation, format!("this is not base64: {cause}"))
        })?;
        Ok(Value::from(match a.text(1, "encoding")?.as_deref() {
            None | Some("utf-8" | "utf8" | "ascii") => String::from_utf8_lossy(&bytes).into_owned(),
            Some("utf-16-le") => {
                let pairs = bytes.chunks_exact(2);
                let units: Vec<u16> = pairs
                    .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                    .collect();
                String::from_utf16_lossy(&units)
            }
            Some(other) => return Err(encoding(other)),
        }))
    }),
];

fn encoding(name: &str) -> Error {
    Error::new(
        ErrorKind::Operation,
        format!("the encoding `{name}` is not supported"),
    )
    .with_next_step("use utf-8 or utf-16-le")
}
