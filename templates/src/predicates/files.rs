//! Tests of paths.

use super::Test;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("exists", |e, a| Ok(e.surroundings.exists(&a.input_text()?))),
    ("link_exists", |e, a| {
        let path = a.input_text()?;
        Ok(e.surroundings.exists(&path) || e.surroundings.is_link(&path))
    }),
    ("file", |e, a| {
        let path = a.input_text()?;
        Ok(e.surroundings.exists(&path) && !e.surroundings.is_folder(&path))
    }),
    ("directory", |e, a| {
        Ok(e.surroundings.is_folder(&a.input_text()?))
    }),
    ("link", |e, a| Ok(e.surroundings.is_link(&a.input_text()?))),
    ("abs", |_, a| Ok(a.input_text()?.starts_with('/'))),
    ("is_file", |e, a| {
        let path = a.input_text()?;
        Ok(e.surroundings.exists(&path) && !e.surroundings.is_folder(&path))
    }),
    ("is_dir", |e, a| {
        Ok(e.surroundings.is_folder(&a.input_text()?))
    }),
    ("is_link", |e, a| {
        Ok(e.surroundings.is_link(&a.input_text()?))
    }),
    ("is_abs", |_, a| Ok(a.input_text()?.starts_with('/'))),
];
