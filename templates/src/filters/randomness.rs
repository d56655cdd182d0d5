//! `random` and `shuffle`; with a seed they are what they are in Python.

use super::Filter;
use crate::evaluation::Evaluator;
use crate::evaluation::arguments::Arguments;
use crate::python::random::Random;
use crate::python::value;
use crate::{Error, ErrorKind, Value};

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("random", random),
    ("shuffle", |e, a| {
        let mut items = a.input_items()?;
        generator(e, a.get(1, "seed"))?.shuffle(&mut items);
        Ok(value::list(items))
    }),
    ("random_mac", random_mac),
];

fn generator(evaluator: &Evaluator<'_>, seed: Option<&Value>) -> Result<Random, Error> {
    match seed {
        Some(seed) if !seed.is_none() => Random::seeded(seed),
        _ => Random::unpredictable(evaluator.surroundings.as_ref()),
    }
}

fn random(evaluator: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Value, Error> {
    let mut generator = generator(evaluator, arguments.get(3, "seed"))?;
    let draw = |generator: &mut Random, count: i128| match u64::try_from(count) {
        Ok(count) if count > 0 => Ok(i128::from(generator.below(count))),
        _ => Err(Error::new(
            ErrorKind::Operation,
            "there is nothing to choose from",
        )),
    };
    if let Some(end) = value::integer(arguments.input()) {
        let start = arguments.integer(1, "start")?.unwrap_or(0);
        let step = arguments.integer(2, "step")?.unwrap_or(1).max(1);
        let count = (end - start + step - 1) / step;
        let drawn = draw(&mut generator, count)?;
        return Ok(value::from_integer(start + step * drawn));
    }
    let items = arguments.input_items()?;
    let drawn = draw(&mut generator, items.len() as i128)?;
    let drawn = usize::try_from(drawn).unwrap_or(0);
    Ok(items.get(drawn).cloned().unwrap_or_default())
}

/// The rest of a hardware address, after a prefix.
fn random_mac(evaluator: &mut Evaluator<'_>, arguments: &Arguments) -> Result<Value, Error> {
    let prefix = arguments.input_text()?.to_lowercase();
    let parts: Vec<&str> = prefix.split(':').collect();
    let valid = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    if parts.len() > 5 || !parts.iter().all(valid) {
        return Err(Error::new(
            ErrorKind::Operation,
            format!("`{prefix}` is not the start of a hardware address"),
        )
        .with_next_step("write it like 52:54:00"));
    }
    let mut generator = generator(evaluator, arguments.get(1, "seed"))?;
    let drawn = 68_719_476_736 + generator.below(1_099_511_627_776 - 68_719_476_736);
    let digits = format!("{drawn:010x}");
    let mut address = parts.join(":");
    for at in 0..(6 - parts.len()) {
        address.push(':');
        address.push_str(&digits[at * 2..at * 2 + 2]);
    }
    Ok(Value::from(address))
}
