//! Digests and password hashes.

use sha2::Digest;

use super::Filter;
use crate::evaluation::Evaluator;
use crate::evaluation::arguments::Arguments;
use crate::{Error, ErrorKind, Value};

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("hash", |_, a| {
        let name = a.text(1, "hashtype")?.unwrap_or_else(|| "sha1".into());
        digest(&name, a.input_text()?.as_bytes()).map(Value::from)
    }),
    ("checksum", |_, a| {
        digest("sha1", a.input_text()?.as_bytes()).map(Value::from)
    }),
    ("sha1", |_, a| {
        digest("sha1", a.input_text()?.as_bytes()).map(Value::from)
    }),
    ("md5", |_, a| {
        digest("md5", a.input_text()?.as_bytes()).map(Value::from)
    }),
    ("password_hash", password_hash),
];

/// The letters of salts, and of crypt's own base 64.
const LETTERS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(name: &str, bytes: &[u8]) -> Result<String, Error> {
    Ok(match name {
        "md5" => hex(&md5::Md5::digest(bytes)),
        "sha1" => hex(&sha1::Sha1::digest(bytes)),
        "sha224" => hex(&sha2::Sha224::digest(bytes)),
        "sha256" => hex(&sha2::Sha256::digest(bytes)),
        "sha384" => hex(&sha2::Sha384::digest(bytes)),
        "sha512" => hex(&sha2::Sha512::digest(bytes)),
        other => {
            return Err(Error::new(
                ErrorKind::Operation,
                format!("the hash `{other}` is not supported"),
            )
            .with_next_step("use md5, sha1, sha224, sha256, sha384 or sha512"));
        }
    })
}

fn password_hash(evaluator: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Value, Error> {
    let kind = arguments
        .text(1, "hashtype")?
        .unwrap_or_else(|| "sha512".into());
    let salt = match arguments.text(2, "salt")? {
        Some(salt) => salt,
        None => new_salt(evaluator)?,
    };
    let rounds = arguments
        .integer(4, "rounds")?
        .or(arguments.integer(usize::MAX, "rounds")?);
    crypt(&kind, &arguments.input_text()?, &salt, rounds).map(Value::from)
}

fn new_salt(evaluator: &Evaluator<'_>) -> Result<String, Error> {
    let mut bytes = [0; 16];
    evaluator
        .surroundings
        .random_bytes(&mut bytes)
        .map_err(|cause| {
            Error::new(
                ErrorKind::Operation,
                "random bytes can't be had from this machine",
            )
            .with_cause(cause)
        })?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte & 63)]))
        .collect())
}

/// A password as `/etc/shadow` has it.
pub(crate) fn crypt(
    kind: &str,
    password: &str,
    salt: &str,
    rounds: Option<i128>,
) -> Result<String, Error> {
    let wrong = |why: String| Err(Error::new(ErrorKind::Operation, why));
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '/';
    if salt.is_empty() || salt.len() > 16 || !salt.chars().all(valid) {
        return wrong(format!(
            "the salt `{salt}` has to be 1 to 16 letters, digits, dots or slashes"
        ));
    }
    let count = match rounds.map(u32::try_from) {
        None => sha_crypt::Params::RECOMMENDED_ROUNDS,
        Some(Ok(rounds)) => rounds,
        Some(Err(_)) => return wrong("this number of rounds is out of range".into()),
    };
    let Ok(params) = sha_crypt::Params::new(count) else {
        return wrong(format!(
            "{count} rounds are out of range: 1000 to 999999999"
        ));
    };
    let (id, digest) = match kind {
        "sha512" | "sha512_crypt" => (6, {
            let hash = sha_crypt::sha512_crypt(password.as_bytes(), salt.as_bytes(), params);
            let order = (0..21).map(|i| {
                let triple = [i, i + 21, i + 42];
                let turn = i % 3;
                [triple[turn], triple[(turn + 1) % 3], triple[(turn + 2) % 3]]
            });
            letters(&hash, order, &[63])
        }),
        "sha256" | "sha256_crypt" => (5, {
            let hash = sha_crypt::sha256_crypt(password.as_bytes(), salt.as_bytes(), params);
            let order = (0..10).map(|i| {
                let triple = [i, i + 10, i + 20];
                let turn = (3 - i % 3) % 3;
                [triple[turn], triple[(turn + 1) % 3], triple[(turn + 2) % 3]]
            });
            letters(&hash, order, &[31, 30])
        }),
        other => {
            return Err(Error::new(
                ErrorKind::Operation,
                format!("password hashes of the kind `{other}` are not supported"),
            )
            .with_next_step("use sha512 or sha256"));
        }
    };
    let rounds = match rounds {
        Some(rounds) => format!("rounds={rounds}$"),
        None => String::new(),
    };
    Ok(format!("${id}${rounds}{salt}${digest}"))
}

/// Bytes in crypt's order and letters: three bytes are four letters, the lowest bits first.
fn letters(hash: &[u8], order: impl Iterator<Item = [usize; 3]>, last: &[usize]) -> String {
    let mut out = String::new();
    let mut push = |bytes: &[usize], count: usize| {
        let mut word = bytes
            .iter()
            .fold(0u32, |word, at| word << 8 | u32::from(hash[*at]));
        for _ in 0..count {
            out.push(char::from(LETTERS[(word & 63) as usize]));
            word >>= 6;
        }
    };
    order.for_each(|triple| push(&triple, 4));
    push(last, last.len() + 1);
    out
}
