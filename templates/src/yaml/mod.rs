//! `to_yaml`, `to_nice_yaml`, `from_yaml`: YAML 1.1 as Ansible reads and writes it.

mod reader;
mod scalars;
mod writer;

use crate::filters::Filter;
use crate::python::value;
use crate::{Error, ErrorKind, Value};
use writer::Layout;

pub(crate) const FILTERS: &[(&str, Filter)] = &[
    ("to_yaml", |_, a| Layout::of(a, false)?.written(a.input())),
    ("to_nice_yaml", |_, a| {
        Layout::of(a, true)?.written(a.input())
    }),
    ("from_yaml", |_, a| {
        if a.input().as_str().is_none() {
            return Ok(a.input().clone());
        }
        let mut documents = reader::read(&a.input_text()?)?;
        if documents.len() > 1 {
            return Err(
                Error::new(ErrorKind::Operation, "there is more than one document")
                    .with_next_step("use `from_yaml_all`"),
            );
        }
        Ok(documents.pop().unwrap_or_else(|| Value::from(())))
    }),
    ("from_yaml_all", |_, a| {
        if a.input().as_str().is_none() {
            return Ok(a.input().clone());
        }
        Ok(value::list(reader::read(&a.input_text()?)?))
    }),
];
