//! What a command in a container says. Without a terminal docker sends frames: one byte which
//! stream, three of nothing, four how long (Engine API, "Attach to a container"). Pure.

use anyhow::bail;

/// A part of what was said.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// On standard output.
    Out(Vec<u8>),
    /// On standard error.
    Err(Vec<u8>),
}

/// Takes the stream apart, in whatever pieces it comes.
#[derive(Debug)]
pub struct Frames {
    raw: bool,
    head: Vec<u8>,
    /// Stream of the frame at hand, and how much of it is to come.
    left: Option<(u8, usize)>,
}

impl Frames {
    /// `raw` is the stream of a terminal, which has no frames.
    pub fn new(raw: bool) -> Self {
        Self {
            raw,
            head: Vec::new(),
            left: None,
        }
    }

    /// What these bytes say.
    ///
    /// # Errors
    /// They are no frames.
    pub fn take(&mut self, mut bytes: &[u8]) -> anyhow::Result<Vec<Output>> {
        let mut out = Vec::new();
        if self.raw {
            if !bytes.is_empty() {
                out.push(Output::Out(bytes.to_vec()));
            }
            return Ok(out);
        }
        while !bytes.is_empty() {
            let Some((stream, left)) = self.left else {
                let (head, rest) = bytes.split_at(bytes.len().min(8 - self.head.len()));
                self.head.extend_from_slice(head);
                bytes = rest;
                if let [stream, _, _, _, a, b, c, d] = *self.head.as_slice() {
                    let length = u32::from_be_bytes([a, b, c, d]) as usize;
                    self.left = (length > 0).then_some((stream, length));
                    self.head.clear();
                }
                continue;
            };
            let (part, rest) = bytes.split_at(bytes.len().min(left));
            bytes = rest;
            out.push(match stream {
                0 | 1 => Output::Out(part.to_vec()),
                2 => Output::Err(part.to_vec()),
                other => bail!("the engine sends a stream {other}, which there is not"),
            });
            self.left = (left > part.len()).then_some((stream, left - part.len()));
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_put_together_from_any_pieces() {
        let bytes =
            b"\x01\0\0\0\0\0\0\x03abc\x02\0\0\0\0\0\0\x02de\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x01f";
        for size in 1..=bytes.len() {
            let mut frames = Frames::new(false);
            let (mut out, mut err) = (Vec::new(), Vec::new());
            for piece in bytes.chunks(size) {
                for part in frames.take(piece).unwrap() {
                    match part {
                        Output::Out(bytes) => out.extend(bytes),
                        Output::Err(bytes) => err.extend(bytes),
                    }
                }
            }
            assert_eq!((out.as_slice(), err.as_slice()), (&b"abcf"[..], &b"de"[..]));
        }
    }

    #[test]
    fn a_terminal_s_bytes_are_left_alone() {
        let said = Frames::new(true).take(b"\x01\x02$ ").unwrap();
        assert_eq!(said, [Output::Out(b"\x01\x02$ ".to_vec())]);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        assert!(Frames::new(false).take(b"plain text").is_err());
    }
}
