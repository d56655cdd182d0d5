//! `hive list-hosts`, `list-services`, `list-volumes`: the names of a stage, one a line.

use std::collections::BTreeMap;
use std::process::ExitCode;

use hive_site::Host;
use serde::Serialize;

use crate::args::Global;
use crate::error::Result;
use crate::output;
use crate::service_names;
use crate::site_folder::SiteFolder;

/// Arguments of each.
#[derive(Debug, clap::Args)]
pub struct Listing {
    /// Print more than the names, as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct HostEntry<'a> {
    name: &'a str,
    short_name: &'a str,
    private_ip: String,
    hive: bool,
    repository: bool,
}

#[derive(Default, Serialize)]
struct VolumeEntry {
    name: String,
    kind: &'static str,
    services: Vec<String>,
}

impl Listing {
    /// Full names of the hosts.
    ///
    /// # Errors
    /// The site can't be read.
    pub fn hosts(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let hosts = folder.stage(global)?.hosts();
        let entries: Vec<_> = hosts.iter().map(host).collect();
        self.print(
            "hosts",
            &entries,
            hosts.iter().map(|host| host.name.as_str()),
        )
    }

    /// Names of the services.
    ///
    /// # Errors
    /// The site can't be read.
    pub fn services(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let services = service_names::of_stage(&folder.site, folder.stage(global)?.name)?;
        self.print(
            "services",
            &services,
            services.iter().map(|service| service.name.as_str()),
        )
    }

    /// Names of the volumes.
    ///
    /// # Errors
    /// The site can't be read.
    pub fn volumes(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let mut volumes: BTreeMap<String, VolumeEntry> = BTreeMap::new();
        for service in service_names::of_stage(&folder.site, folder.stage(global)?.name)? {
            for volume in service.volumes {
                let entry = volumes
                    .entry(volume.name.clone())
                    .or_insert_with(|| VolumeEntry {
                        name: volume.name.clone(),
                        kind: volume.kind,
                        services: Vec::new(),
                    });
                // Only one of the services that share a volume says who keeps it.
                if entry.kind == "docker" {
                    entry.kind = volume.kind;
                }
                if !entry.services.contains(&service.name) {
                    entry.services.push(service.name.clone());
                }
            }
        }
        let entries: Vec<_> = volumes.values().collect();
        self.print("volumes", &entries, volumes.keys().map(String::as_str))
    }

    fn print<'a>(
        self,
        what: &str,
        entries: &impl Serialize,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<ExitCode> {
        match self.json {
            true => output::json(what, entries)?,
            false => output::data(&names.map(|name| format!("{name}\n")).collect::<String>())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn host(host: &Host) -> HostEntry<'_> {
    HostEntry {
        name: &host.name,
        short_name: host.short_name(),
        private_ip: host.private_ip.to_string(),
        hive: host.is_hive(),
        repository: host.is_repository(),
    }
}
