//! `hive ssh`: log in to a host with the stage's keys.

use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use hive_site::Host;

use crate::args::Global;
use crate::error::{CommandError, Result, Usage};
use crate::machines::machine::Machine;
use crate::site_folder::SiteFolder;
use crate::variables::Variables;
use crate::{names, output, remote, ssh_files};

/// The port of Zabbix's web page on every host.
const ZABBIX: i64 = 10052;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Everything goes through the system's ssh with .hive/STAGE/ssh_config, which also works by itself:\n  \
    scp -F .hive/private/ssh_config FILE p-hive0:\n\
    The exit code is that of what ran on the host, and 255 when there was no connection. The variables ssh_host, foward_zabbix, \
    foward_zabbix_port and port_forwarding give what options don't."
)]
pub struct Ssh {
    /// The host, by full or short name; without it the last one, which is usually the repository
    #[arg(short = 't', long = "to", aliases = ["ssh-host", "ssh_host"], value_name = "HOST", add = names::hosts())]
    host: Option<String>,
    /// Forward Zabbix's web page to http://localhost:10052, or the port of -Z
    #[arg(short = 'z', long, aliases = ["foward_zabbix", "foward-zabbix"])]
    forward_zabbix: bool,
    /// The local port for Zabbix's web page [default: 10052]
    #[arg(short = 'Z', long, aliases = ["foward_zabbix_port", "foward-zabbix-port"], value_name = "PORT")]
    forward_zabbix_port: Option<u16>,
    /// Forward a local port, as `ssh -L` does: [ADDRESS:]PORT:HOST:HOSTPORT
    #[arg(short = 'L', long, aliases = ["port_forwarding", "port-forwarding"], value_name = "SPEC")]
    forward: Vec<String>,
    /// A command to run there instead of a login
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Ssh {
    /// Becomes ssh, so that its exit status is ours.
    ///
    /// # Errors
    /// The host is unknown or was never started, or ssh is missing.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let context = folder.context();
        let known = ssh_files::hosts(&context)?;
        let variables = &folder.variables;
        let wanted = self.host.as_deref().or_else(|| variables.text("ssh_host"));
        let name = match wanted {
            None => {
                let last = known
                    .last()
                    .cloned()
                    .ok_or_else(|| never_started(stage.name.name()))?;
                output::say(&format!(
                    "To {last}, the last of {} hosts; -t HOST names another.",
                    known.len()
                ));
                last
            }
            Some(word) => {
                let names: Vec<_> = stage.hosts().iter().map(Host::short_name).collect();
                let Some(host) = stage.host(word) else {
                    let unknown = format!(
                        "stage {} has no host `{word}`; it has {}",
                        stage.name,
                        names.join(", ")
                    );
                    return Err(Usage(unknown).into());
                };
                if !known.contains(&host.name) {
                    return Err(never_started(host.short_name()));
                }
                host.name.clone()
            }
        };
        if let Some(host) = stage.host(&name) {
            let machine = Machine {
                context: &context,
                stage,
                host,
            };
            // Held by another program means: it runs.
            if machine.made().is_some() && matches!(machine.running(), Ok(None)) {
                let off = anyhow::anyhow!("{name} is switched off");
                return Err(CommandError::from(off)
                    .hint(format!("start it with `hive run {}`", host.short_name())));
            }
        }
        let mut ssh = remote::ssh(&ssh_files::config_file(&context));
        for forward in self.forwards(variables, &name) {
            ssh = ssh.args(["-L", &forward]);
        }
        ssh = ssh.arg(&name);
        if !self.command.is_empty() {
            ssh = ssh.arg("--").args(&self.command);
        }
        let failed = ssh.command().exec();
        Err(ssh.start_error(failed).into())
    }

    /// What `ssh -L` is given. Options stand above variables; Zabbix comes first.
    fn forwards(&self, variables: &Variables, host: &str) -> Vec<String> {
        let mut forwards = self.forward.clone();
        if forwards.is_empty() {
            forwards.extend(variables.text("port_forwarding").map(str::to_owned));
        }
        let asked = self.forward_zabbix || self.forward_zabbix_port.is_some();
        if asked || variables.is_true("foward_zabbix") {
            let kept = variables.integer("foward_zabbix_port");
            let port = self
                .forward_zabbix_port
                .map(i64::from)
                .or(kept)
                .unwrap_or(ZABBIX);
            forwards.insert(0, format!("localhost:{port}:{host}:{ZABBIX}"));
        }
        forwards
    }
}

fn never_started(what: &str) -> CommandError {
    let error = anyhow::anyhow!("no host to log in to: {what} was never started on this machine");
    CommandError::from(error).hint("`hive run` boots the hosts of the stage here")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::Given;
    use clap::{Args as _, FromArgMatches as _};
    use hive_site::StageName;

    fn forwards(words: &[&str], kept: &Given) -> Vec<String> {
        let command = Ssh::augment_args(clap::Command::new("ssh"));
        let matches = command
            .try_get_matches_from([&["ssh"], words].concat())
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let variables = Variables::load(dir.path(), StageName::Private)
            .unwrap()
            .with(kept)
            .unwrap();
        Ssh::from_arg_matches(&matches)
            .unwrap()
            .forwards(&variables, "h")
    }

    #[test]
    fn zabbix_is_forwarded_to_the_host_that_is_logged_in_to() {
        let none = Given::new();
        assert_eq!(forwards(&["-z"], &none), ["localhost:10052:h:10052"]);
        assert_eq!(forwards(&["-Z", "8000"], &none), ["localhost:8000:h:10052"]);
        assert_eq!(
            forwards(&["-z", "-L", "1:a:2", "-L", "3:b:4"], &none),
            ["localhost:10052:h:10052", "1:a:2", "3:b:4"]
        );
        assert_eq!(forwards(&[], &none), [""; 0]);
    }

    #[test]
    fn a_command_has_its_own_options() {
        let command = Ssh::augment_args(clap::Command::new("ssh"));
        let line = "ssh -t h1 -- sudo drbdadm -- --discard-my-data connect data";
        let matches = command.try_get_matches_from(line.split(' ')).unwrap();
        let ssh = Ssh::from_arg_matches(&matches).unwrap();
        assert_eq!(ssh.host.as_deref(), Some("h1"));
        assert_eq!(
            ssh.command.join(" "),
            "sudo drbdadm -- --discard-my-data connect data"
        );
    }

    #[test]
    fn variables_give_what_options_do_not() {
        let kept = Given::new()
            .with("foward_zabbix", true)
            .with("foward_zabbix_port", 9)
            .with("port_forwarding", "5:c:6");
        assert_eq!(forwards(&[], &kept), ["localhost:9:h:10052", "5:c:6"]);
        assert_eq!(
            forwards(&["-L", "1:a:2"], &kept),
            ["localhost:9:h:10052", "1:a:2"]
        );
    }
}
