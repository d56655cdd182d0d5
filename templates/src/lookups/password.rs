//! `lookup('password', …)`: made once, kept in a file, read from then on.

use std::io;

use super::options_of;
use crate::evaluation::Evaluator;
use crate::evaluation::arguments::Arguments;
use crate::filters::crypt;
use crate::python::random::Random;
use crate::python::{printing, value};
use crate::{Error, ErrorKind, Value};

/// Where Ansible keeps nothing.
const NOWHERE: &str = "/dev/null";

struct Wanted {
    path: String,
    length: usize,
    letters: Vec<char>,
    encrypt: Option<String>,
    seed: Option<Value>,
}

pub(super) fn password(
    evaluator: &mut Evaluator<'_>,
    arguments: &Arguments,
) -> Result<Vec<Value>, Error> {
    super::terms(arguments)?
        .iter()
        .map(|term| one(evaluator, &wanted(term, arguments)?).map(Value::from))
        .collect()
}

fn wanted(term: &str, arguments: &Arguments) -> Result<Wanted, Error> {
    let (path, options) = options_of(term);
    let option = |name: &str| -> Result<Option<String>, Error> {
        match options.iter().find(|(known, _)| known == name) {
            Some((_, found)) => Ok(Some(found.clone())),
            None => match arguments.named(name) {
                Some(found) if value::is_list(found) => {
                    let parts = value::items(found)?;
                    let parts: Result<Vec<_>, _> = parts.iter().map(printing::text).collect();
                    Ok(Some(parts?.join(",")))
                }
                Some(found) if found.is_none() => Ok(None),
                Some(found) => printing::text(found).map(Some),
                None => Ok(None),
            },
        }
    };
    if let Some((unknown, _)) = options.iter().find(|(name, _)| {
        !matches!(
            name.as_str(),
            "length" | "chars" | "encrypt" | "seed" | "ident"
        )
    }) {
        return Err(Error::new(
            ErrorKind::Operation,
            format!("there is no option `{unknown}`"),
        )
        .with_next_step("use length, chars, encrypt or seed"));
    }
    let length = option("length")?.unwrap_or_else(|| "20".into());
    let length = length
        .parse()
        .ok()
        .filter(|length| (1..=10_000).contains(length));
    let length = length.ok_or_else(|| {
        Error::new(
            ErrorKind::Operation,
            "the length has to be a number from 1 to 10000",
        )
    })?;
    let letters = match option("chars")? {
        Some(chars) => letters(&chars),
        None => {
            let mut usual = letters("ascii_letters,digits");
            usual.extend(".,:-_".chars());
            usual
        }
    };
    let encrypt = option("encrypt")?.filter(|kind| !kind.is_empty());
    Ok(Wanted {
        path,
        length,
        letters,
        encrypt,
        seed: option("seed")?.map(Value::from),
    })
}

/// The letters to choose from: names of sets, or letters themselves; `,,` is a comma.
fn letters(chars: &str) -> Vec<char> {
    let mut sets: Vec<String> = Vec::new();
    let mut rest = chars.to_owned();
    if rest.contains(",,") {
        sets.push(",".into());
        rest = rest.replace(",,", ",");
    }
    sets.extend(
        rest.split(',')
            .filter(|set| !set.is_empty())
            .map(str::to_owned),
    );
    let mut out = Vec::new();
    for set in sets {
        match set.as_str() {
            "ascii_letters" => out.extend(('a'..='z').chain('A'..='Z')),
            "ascii_lowercase" => out.extend('a'..='z'),
            "ascii_uppercase" => out.extend('A'..='Z'),
            "digits" => out.extend('0'..='9'),
            "hexdigits" => out.extend(('0'..='9').chain('a'..='f').chain('A'..='F')),
            "octdigits" => out.extend('0'..='7'),
            "punctuation" => out.extend("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".chars()),
            other => out.extend(other.chars().filter(|c| *c != '"' && *c != '\'')),
        }
    }
    out
}

fn drawn(random: &mut Random, letters: &[char], length: usize) -> String {
    (0..length)
        .filter_map(|_| {
            let at = usize::try_from(random.below(letters.len() as u64)).ok()?;
            letters.get(at)
        })
        .collect()
}

fn one(evaluator: &Evaluator<'_>, wanted: &Wanted) -> Result<String, Error> {
    let surroundings = evaluator.surroundings.as_ref();
    let mut random = match &wanted.seed {
        Some(seed) => Random::seeded(seed)?,
        None => Random::unpredictable(surroundings)?,
    };
    if wanted.letters.is_empty() {
        return Err(Error::new(
            ErrorKind::Operation,
            "there are no letters to choose from",
        ));
    }
    let mut password = drawn(&mut random, &wanted.letters, wanted.length);
    let mut salt = None;
    if wanted.path != NOWHERE {
        if !surroundings.exists(&wanted.path) {
            if wanted.encrypt.is_some() {
                salt = Some(new_salt(&mut random));
            }
            let kept = match &salt {
                Some(salt) => format!("{password} salt={salt}\n"),
                None => format!("{password}\n"),
            };
            match surroundings.create_file(&wanted.path, kept.as_bytes()) {
                Ok(()) => {}
                // Somebody else has made it in this moment: theirs counts.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(cause) => return Err(failed(&wanted.path, "written", cause)),
            }
        }
        let bytes = surroundings
            .read_file(&wanted.path)
            .map_err(|cause| failed(&wanted.path, "read", cause))?;
        let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        (password, salt) = match text.rsplit_once(" salt=") {
            Some((password, salt)) => (password.to_owned(), Some(salt.to_owned())),
            None => (text, None),
        };
    }
    match &wanted.encrypt {
        None => Ok(password),
        Some(kind) => {
            let salt = match salt {
                Some(salt) => salt,
                None => new_salt(&mut random),
            };
            crypt(kind, &password, &salt, None)
        }
    }
}

fn new_salt(random: &mut Random) -> String {
    drawn(random, &letters("ascii_letters,digits,./"), 8)
}

fn failed(path: &str, what: &str, cause: io::Error) -> Error {
    Error::new(
        ErrorKind::Operation,
        format!("the password's file `{path}` can't be {what}"),
    )
    .with_cause(cause)
    .with_next_step("look at the permissions of the file and its folder")
}
