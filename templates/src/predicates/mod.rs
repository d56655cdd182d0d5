//! Tests: what comes after `is`.

mod files;
mod texts;
mod values;
mod versions;

use crate::evaluation::Evaluator;
use crate::evaluation::arguments::Arguments;
use crate::python::undefined;
use crate::spelling;
use crate::{Error, ErrorKind};

/// A test.
pub(crate) type Test = fn(&mut Evaluator<'_>, &Arguments) -> Result<bool, Error>;

const TABLES: &[&[(&str, Test)]] = &[values::TESTS, texts::TESTS, files::TESTS, versions::TESTS];

fn find(name: &str) -> Option<Test> {
    let short = crate::filters::short_name(name);
    TABLES
        .iter()
        .flat_map(|table| table.iter())
        .find(|(known, _)| *known == short)
        .map(|(_, test)| *test)
}

/// The answer of a test; its input is the first argument.
pub(crate) fn apply(
    evaluator: &mut Evaluator<'_>,
    name: &str,
    arguments: &Arguments,
) -> Result<bool, Error> {
    match name {
        "defined" => return Ok(!undefined::is(arguments.input())),
        "undefined" => return Ok(undefined::is(arguments.input())),
        _ => {}
    }
    let Some(test) = find(name) else {
        let mut error = Error::new(
            ErrorKind::Test(name.to_owned()),
            format!("there is no test `{name}`"),
        );
        let known = TABLES.iter().flat_map(|table| table.iter());
        let known = known.map(|(known, _)| *known);
        if let Some(near) = spelling::nearest(name, known.chain(["defined", "undefined"])) {
            error = error.with_next_step(format!("did you mean `{near}`?"));
        }
        return Err(error);
    };
    undefined::refuse(arguments.input())?;
    test(evaluator, arguments)
}
