//! The image `tiny`: busybox, and what a test wants in it.

use std::path::PathBuf;
use std::process::Command;

use bollard::Docker;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;

/// A busybox that needs no libraries, if there is one.
pub fn busybox() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join("busybox"));
    let busybox = found.into_iter().find(|path| path.exists())?;
    let linked = Command::new("ldd").arg(&busybox).output();
    // `ldd` succeeds for what needs libraries.
    (!linked.is_ok_and(|ldd| ldd.status.success())).then_some(busybox)
}

/// Gives an engine the image, with these files and their content.
pub async fn import(docker: &Docker, files: &[(&str, &str)]) {
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_path_with_name(busybox().unwrap(), "bin/busybox")
        .unwrap();
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    let options = CreateImageOptionsBuilder::default()
        .from_src("-")
        .repo("tiny")
        .build();
    let body = bollard::body_full(tar.into_inner().unwrap().into());
    let mut told = docker.create_image(Some(options), Some(body), None);
    while let Some(told) = told.next().await {
        told.unwrap();
    }
}
