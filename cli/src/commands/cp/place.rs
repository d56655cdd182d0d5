//! The two sides of a copy, and which path the copy gets. Pure.

use std::path::PathBuf;

use anyhow::bail;
use bollard::container::PathStatResponse;

/// Bits of Go's os.FileMode, in which the engine tells what a path is.
const FOLDER: u32 = 1 << 31;
const LINK: u32 = 1 << 27;

/// One side.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// In a container.
    Container {
        /// The service, or a task of it.
        service: String,
        /// The path in the container.
        path: String,
    },
    /// On this computer.
    Here(PathBuf),
}

impl Place {
    /// `SERVICE[.N]:PATH`, or a path of this computer.
    pub fn parse(text: &str) -> Self {
        match text.split_once(':') {
            Some((service, path)) if !service.is_empty() && !service.contains('/') => {
                // Containers' paths begin at the top, with or without the slash.
                let slash = if path.starts_with('/') { "" } else { "/" };
                Self::Container {
                    service: service.to_owned(),
                    path: format!("{slash}{path}"),
                }
            }
            _ => Self::Here(PathBuf::from(text)),
        }
    }
}

/// What is known of a copy before it begins.
#[derive(Debug)]
pub struct Destination<'a> {
    /// The destination as given.
    pub path: &'a str,
    /// Whether something is there.
    pub exists: bool,
    /// Whether that is a folder.
    pub folder: bool,
    /// The last part of the source's path.
    pub source_name: &'a str,
    /// Whether the source is a folder.
    pub source_folder: bool,
    /// Whether what is in the source is meant (`FOLDER/.`).
    pub contents: bool,
}

/// The path that the source itself is to have, as `docker cp` has it.
///
/// # Errors
/// A folder would replace a file, or a file is to lie in a folder that is not there.
pub fn destination(of: &Destination<'_>) -> anyhow::Result<String> {
    let path = of.path.strip_suffix("/.").unwrap_or(of.path);
    let path = path.trim_end_matches('/');
    if of.folder {
        return Ok(match of.contents && of.source_folder {
            true => path.to_owned(),
            false => format!("{path}/{}", of.source_name),
        });
    }
    if of.exists && of.source_folder {
        bail!("{path} is a file, and the source is a folder");
    }
    if of.path.ends_with('/') && !of.source_folder {
        bail!("there is no folder {path}; make it first, or leave the slash at the end away");
    }
    Ok(path.to_owned())
}

/// Whether the engine calls this a folder.
pub fn is_folder(found: &PathStatResponse) -> bool {
    found.file_mode & FOLDER != 0
}

/// Whether the engine calls this a symbolic link.
pub fn is_link(found: &PathStatResponse) -> bool {
    found.file_mode & LINK != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_after_a_service_means_a_container() {
        let inside = |service: &str, path: &str| Place::Container {
            service: service.into(),
            path: path.into(),
        };
        assert_eq!(Place::parse("web:/etc"), inside("web", "/etc"));
        assert_eq!(Place::parse("web.2:etc/x:y"), inside("web.2", "/etc/x:y"));
        assert_eq!(Place::parse("./a:b"), Place::Here("./a:b".into()));
        assert_eq!(Place::parse("a"), Place::Here("a".into()));
    }

    fn at(path: &str, folder: Option<bool>, source_folder: bool, contents: bool) -> Option<String> {
        let of = Destination {
            path,
            exists: folder.is_some(),
            folder: folder == Some(true),
            source_name: "s",
            source_folder,
            contents,
        };
        destination(&of).ok()
    }

    #[test]
    fn copies_get_the_path_that_docker_cp_gives_them() {
        let is = |path: &str| Some(path.to_owned());
        // Into a folder that is there.
        assert_eq!(at("/d", Some(true), false, false), is("/d/s"));
        assert_eq!(at("/d/", Some(true), true, false), is("/d/s"));
        assert_eq!(at("/", Some(true), true, false), is("/s"));
        assert_eq!(at("/d", Some(true), true, true), is("/d"));
        // Under a new name.
        assert_eq!(at("/d", None, true, false), is("/d"));
        assert_eq!(at("/d", None, true, true), is("/d"));
        assert_eq!(at("/d", None, false, false), is("/d"));
        // Over a file.
        assert_eq!(at("/d", Some(false), false, false), is("/d"));
        assert_eq!(at("/d", Some(false), true, false), None);
        assert_eq!(at("/d/", None, false, false), None);
    }
}
