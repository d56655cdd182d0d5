//! The files of a stack: which they are, what the stack is called, and what they may refer to.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, anyhow};
use hive_compose::{SourceFile, Surroundings};

use crate::error::{CommandError, Result, Usage};

/// The word for standard input.
const STDIN: &str = "-";

/// Files and name of a stack.
#[derive(Debug)]
pub struct Sources {
    pub name: String,
    pub files: Vec<SourceFile>,
    pub beside: Beside,
}

/// The folder of the first file, and this command's environment.
#[derive(Debug)]
pub struct Beside(PathBuf);

impl Surroundings for Beside {
    fn variable(&self, name: &str) -> Option<String> {
        env::var(name).ok()
    }

    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>> {
        let path = match (path.strip_prefix("~"), self.home()) {
            (Ok(below), Some(home)) => home.join(below),
            _ => self.0.join(path),
        };
        fs::read(path)
    }

    fn folder(&self) -> PathBuf {
        self.0.clone()
    }

    fn home(&self) -> Option<PathBuf> {
        env::var_os("HOME").map(PathBuf::from)
    }
}

impl Sources {
    /// Reads what the words of the command line mean: `FILE [NAME]`, or `NAME` with `-f FILE`.
    ///
    /// # Errors
    /// No file is named, one can't be read, or the stack has no name.
    pub fn read(words: &[String], more: &[String]) -> Result<Self> {
        let (paths, name) = meant(words, more)?;
        let mut files = Vec::new();
        for path in &paths {
            files.push(SourceFile {
                path: path.clone(),
                text: text(path)?,
            });
        }
        let here = env::current_dir().context("finding the current folder")?;
        let first = Path::new(&paths[0]);
        let folder = match (paths[0].as_str(), first.parent()) {
            (STDIN, _) | (_, None) => here,
            (_, Some(folder)) => here.join(folder),
        };
        // `join` of nothing leaves a slash at the end.
        let folder: PathBuf = folder.components().collect();
        let name = match name.or_else(|| hive_compose::name_of(&files)) {
            Some(name) => name,
            None => from_folder(&folder).ok_or_else(|| {
                CommandError::from(Usage("the stack has no name".into()))
                    .hint("give one: `hive stack deploy FILE NAME`")
            })?,
        };
        Ok(Self {
            name,
            files,
            beside: Beside(folder),
        })
    }
}

fn meant(words: &[String], more: &[String]) -> Result<(Vec<String>, Option<String>)> {
    let (first, name) = match (words, more.is_empty()) {
        ([file], true) => (Some(file), None),
        ([file, name], _) => (Some(file), Some(name)),
        ([name], false) => (None, Some(name)),
        ([], false) => (None, None),
        _ => {
            let none = "which file? `hive stack deploy FILE [NAME]`";
            return Err(Usage(none.into()).into());
        }
    };
    let paths = first.into_iter().chain(more).cloned().collect();
    Ok((paths, name.cloned()))
}

fn text(path: &str) -> Result<String> {
    if path == STDIN {
        let mut text = String::new();
        let read = io::stdin().read_to_string(&mut text);
        read.context("reading standard input")?;
        return Ok(text);
    }
    let bytes = fs::read(path).with_context(|| format!("reading {path}"))?;
    String::from_utf8(bytes).map_err(|_| anyhow!("{path} is not UTF-8").into())
}

/// As compose names a project after its folder.
fn from_folder(folder: &Path) -> Option<String> {
    let name = folder.file_name()?.to_string_lossy().to_lowercase();
    let good = |c: &char| c.is_ascii_alphanumeric() || "_-".contains(*c);
    let name: String = name.chars().filter(good).collect();
    let name = name.trim_start_matches(['_', '-']);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_a_file_and_a_name_as_docker_or_hive_writes_them() {
        let words =
            |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        let read = |first: &str, more: &str| {
            let (paths, name) = meant(&words(first), &words(more)).unwrap();
            (paths.join(" "), name.unwrap_or_default())
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(read("a.yml", ""), pair("a.yml", ""));
        assert_eq!(read("a.yml shop", ""), pair("a.yml", "shop"));
        assert_eq!(read("shop", "a.yml b.yml"), pair("a.yml b.yml", "shop"));
        assert_eq!(read("a.yml shop", "b.yml"), pair("a.yml b.yml", "shop"));
        assert_eq!(read("", "a.yml"), pair("a.yml", ""));
        assert!(meant(&[], &[]).is_err());
    }

    #[test]
    fn a_folder_gives_the_name_when_nothing_else_does() {
        let name = |path: &str| from_folder(Path::new(path)).unwrap_or_default();
        assert_eq!(name("/srv/My Shop.v2"), "myshopv2");
        assert_eq!(name("/srv/_x"), "x");
        assert_eq!(name("/"), "");
    }

    #[test]
    fn paths_start_from_the_folder_of_the_first_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("shop")).unwrap();
        let file = dir.path().join("shop/compose.yml");
        fs::write(&file, "services: {web: {image: x}}").unwrap();
        fs::write(dir.path().join("shop/a.txt"), "a").unwrap();
        let sources = Sources::read(&[file.display().to_string()], &[]).unwrap();
        assert_eq!(sources.name, "shop");
        assert_eq!(sources.beside.folder(), dir.path().join("shop"));
        assert_eq!(
            sources.beside.read_file(Path::new("./a.txt")).unwrap(),
            b"a"
        );
        fs::write(&file, "name: other\nservices: {}").unwrap();
        let sources = Sources::read(&[file.display().to_string()], &[]).unwrap();
        assert_eq!(sources.name, "other");
    }
}
