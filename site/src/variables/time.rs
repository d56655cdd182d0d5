//! Points in time in YAML 1.1: `2024-02-29T12:30:45Z`, also with spaces and single digits.

/// Whether a text may be one; to spare most the closer look.
pub(crate) fn begins_like_one(text: &str) -> bool {
    let year = text.as_bytes().get(..5);
    year.is_some_and(|year| year[..4].iter().all(u8::is_ascii_digit) && year[4] == b'-')
}

/// The same point in time as Python prints it, `2024-02-29T12:30:45+00:00`; `None` for other texts.
pub(crate) fn normal(text: &str) -> Option<String> {
    let mut reader = Reader(text);
    let year = reader.number(4..=4)?;
    reader.one_of("-")?;
    let month = reader.number(1..=2)?;
    reader.one_of("-")?;
    let day = reader.number(1..=2)?;
    if reader.0.is_empty() {
        // A day alone has two digits each, and is printed as it is written.
        return None;
    }
    if reader.one_of("Tt").is_none() && !reader.spaces() {
        return None;
    }
    let hour = reader.number(1..=2)?;
    reader.one_of(":")?;
    let minute = reader.number(2..=2)?;
    reader.one_of(":")?;
    let second = reader.number(2..=2)?;
    let mut fraction = String::new();
    if reader.one_of(".").is_some() {
        let digits = reader.digits();
        if digits.bytes().any(|digit| digit != b'0') {
            fraction = format!(".{:0<6}", &digits[..digits.len().min(6)]);
        }
    }
    reader.spaces();
    let zone = reader.zone()?;
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day);
    (valid && hour < 24 && minute < 60 && second < 60).then(|| {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}")
    })
}

struct Reader<'t>(&'t str);

impl<'t> Reader<'t> {
    fn digits(&mut self) -> &'t str {
        let end = self.0.find(|c: char| !c.is_ascii_digit());
        let (digits, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        digits
    }

    fn number(&mut self, length: std::ops::RangeInclusive<usize>) -> Option<u32> {
        let digits = self.digits();
        length
            .contains(&digits.len())
            .then(|| digits.parse().ok())?
    }

    fn one_of(&mut self, characters: &str) -> Option<char> {
        let first = self.0.chars().next().filter(|c| characters.contains(*c))?;
        self.0 = &self.0[first.len_utf8()..];
        Some(first)
    }

    fn spaces(&mut self) -> bool {
        let rest = self.0.trim_start_matches([' ', '\t']);
        let any = rest.len() < self.0.len();
        self.0 = rest;
        any
    }

    /// The rest: nothing, `Z`, or hours and minutes.
    fn zone(&mut self) -> Option<String> {
        if self.0.is_empty() {
            return Some(String::new());
        }
        if self.0 == "Z" {
            return Some("+00:00".to_owned());
        }
        let sign = self.one_of("+-")?;
        let hours = self.number(1..=2)?;
        let minutes = match self.one_of(":") {
            Some(_) => self.number(2..=2)?,
            None => 0,
        };
        self.0
            .is_empty()
            .then(|| format!("{sign}{hours:02}:{minutes:02}"))
    }
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn a_point_in_time_is_printed_as_python_prints_it() {
        let same = |text: &str| normal(text).unwrap_or_else(|| text.to_owned());
        assert_eq!(same("2024-02-29T12:30:45Z"), "2024-02-29T12:30:45+00:00");
        assert_eq!(
            same("2024-2-9 1:30:45.25 +9"),
            "2024-02-09T01:30:45.250000+09:00"
        );
        assert_eq!(same("2024-02-29t12:30:45"), "2024-02-29T12:30:45");
        for text in [
            "2024-02-29",
            "2024-02-29T12:30",
            "2024-02-29 12:30:45 UTC",
            "2024-13-01T00:00:00Z",
        ] {
            assert_eq!(same(text), text);
        }
    }
}
