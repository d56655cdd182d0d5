//! `hive bake`: the sealed image of a stage; with `--plan` what would be done, with `--verify` how
//! two images differ.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use hive_builder::bake::{self, BakeReport, BakeRequest, Format, StepPlan};
use hive_builder::cache::Cache;
use hive_builder::verify;
use hive_site::Stage;

use crate::admin_key::AdminKey;
use crate::args::Global;
use crate::error::Result;
use crate::output;
use crate::progress::{Reporter, seconds};
use crate::site_folder::SiteFolder;
use crate::site_keys;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The images go to .hive/STAGE/images. hive.raw is for a disk or a USB stick:\n  \
    dd if=.hive/private/images/hive.raw of=/dev/sdX bs=4M conv=fsync\n\
    Steps whose inputs did not change come from the cache. The same lock, inventory and public keys of .hive/STAGE give \
    the same bytes everywhere; the image holds nothing secret."
)]
pub struct Bake {
    /// Tell what would be rebuilt and why, and change nothing
    #[arg(long, conflicts_with_all = ["verify", "locked", "offline"])]
    plan: bool,
    /// Fail rather than change hive.lock
    #[arg(long)]
    locked: bool,
    /// Fail rather than use the network
    #[arg(long)]
    offline: bool,
    /// Formats of the image, separated by commas; raw is always written
    #[arg(long, value_name = "FORMAT", value_delimiter = ',', value_parser = format, default_value = "raw")]
    format: Vec<Format>,
    /// Leave the public admin key of .hive/STAGE out of the image: only a seed lets people in then
    #[arg(long, conflicts_with = "verify")]
    no_admin_key: bool,
    /// Compare two images, and name the first difference
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["locked", "offline", "format"])]
    verify: Option<Vec<PathBuf>>,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

fn format(word: &str) -> Result<Format, String> {
    match word {
        "raw" => Ok(Format::Raw),
        "qcow2" => Ok(Format::Qcow2),
        other => Err(format!(
            "hive writes no `{other}`; formats are raw and qcow2"
        )),
    }
}

impl Bake {
    /// Bakes, plans or compares.
    ///
    /// # Errors
    /// The site is wrong, or a step fails; a difference between the images of `--verify` is exit code 1.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        if let Some(images) = &self.verify {
            return compare(&images[0], &images[1], self.json);
        }
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let cache = Cache::open(global.cache.as_deref())?;
        let mut request = request(&folder, stage, self.format.clone())?;
        request.locked = self.locked;
        request.offline = self.offline;
        if self.plan {
            let context = folder.context();
            if let Some(key) = AdminKey::public(&context)?.filter(|_| !self.no_admin_key) {
                request.settings.admin_keys = vec![key];
            }
            request.keys = site_keys::find_public(&context)?;
            let plan = bake::plan(&request, &cache)?;
            if self.json {
                output::json("plan", &plan)?;
            } else {
                output::data(&plan_text(&plan))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let context = folder.context().made()?;
        let comment = format!("{}@{}", stage.settings.admin, stage.site);
        let key = AdminKey::find_or_make_public(&context, &comment)?;
        if !self.no_admin_key {
            request.settings.admin_keys = vec![key];
        }
        request.keys = Some(site_keys::find_or_make_public(&context, &stage.site)?);
        if folder.variables.is_true("verbose") {
            output::say(&format!("cache: {}", cache.root().display()));
        }
        let program = std::env::current_exe().context("finding the path of this program")?;
        let report = bake::bake(&request, &cache, &program, &Reporter::new())?;
        if self.json {
            output::json("bake", &report)?;
        } else {
            output::say(&summary(&report, stage));
            output::data(&files_text(&report))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What the builder is to bake for a stage.
///
/// # Errors
/// What is persisted for the stage can't be read.
pub fn request(folder: &SiteFolder, stage: &Stage, formats: Vec<Format>) -> Result<BakeRequest> {
    Ok(BakeRequest {
        site: folder.root.clone(),
        name: folder.site.name.clone(),
        stage: stage.name.name().to_owned(),
        image: stage.image.clone(),
        drbd: stage.drbd.clone(),
        settings: stage.settings.clone(),
        keys: None,
        out: folder.context_of(stage.name)?.images(),
        formats,
        locked: false,
        offline: false,
    })
}

fn summary(report: &BakeReport, stage: &Stage) -> String {
    let took = seconds(std::time::Duration::from_secs_f64(report.seconds));
    let image = &report.image_version;
    if report.rebuilt.is_empty() {
        return format!("stage {}: image {image} is up to date ({took})", stage.name);
    }
    format!(
        "stage {}: image {image} baked in {took}\n  root {}\n  drbd {}",
        stage.name, report.root_hash, report.drbd
    )
}

fn files_text(report: &BakeReport) -> String {
    let line = |f: &bake::ImageFile| {
        format!(
            "{}  {}  sha256:{}\n",
            f.path.display(),
            output::size(f.size),
            f.sha256
        )
    };
    report.files.iter().map(line).collect()
}

fn plan_text(plan: &[StepPlan]) -> String {
    const SHOWN: usize = 8;
    let mut text = String::new();
    for step in plan {
        text.push_str(&format!(
            "{:<10} {}\n",
            step.step,
            if step.cached { "cached" } else { "to do" }
        ));
        for reason in step.because.iter().take(SHOWN) {
            text.push_str(&format!("{:<10}   - {reason}\n", ""));
        }
        if step.because.len() > SHOWN {
            text.push_str(&format!(
                "{:<10}   - and {} more\n",
                "",
                step.because.len() - SHOWN
            ));
        }
    }
    text
}

fn compare(a: &Path, b: &Path, json: bool) -> Result<ExitCode> {
    let difference = verify::compare(a, b)?;
    if json {
        output::json("difference", &difference)?;
    } else {
        output::data(&match &difference {
            None => format!(
                "{} and {} are the same, byte for byte\n",
                a.display(),
                b.display()
            ),
            Some(difference) => format!("{difference}\n"),
        })?;
    }
    Ok(ExitCode::from(u8::from(difference.is_some())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_tells_why() {
        let step = |name: &str, because: &[&str]| StepPlan {
            step: name.into(),
            cached: because.is_empty(),
            because: because.iter().map(|b| (*b).to_owned()).collect(),
        };
        let text = plan_text(&[step("lock", &[]), step("image", &["site file /etc/hosts"])]);
        assert_eq!(
            text,
            "lock       cached\nimage      to do\n             - site file /etc/hosts\n"
        );
    }
}
