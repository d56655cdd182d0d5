//! What engines and the swarm's scheduler say about a task, in words, with the next step.
//!
//! Their texts are no interface, so nothing depends on recognising one: what is not known is shown word for word.

use super::{Failure, Mode, Service};

/// What is known about the task besides the text.
pub struct Circumstances<'a> {
    /// Its service.
    pub service: &'a Service,
    /// Its image without the digest.
    pub image: &'a str,
    /// The name of its host, once it has one.
    pub host: Option<&'a str>,
}

/// What a text about a task means.
pub fn explain(said: &str, task: &Circumstances) -> Failure {
    let lower = said.to_lowercase();
    let has = |part: &str| lower.contains(part);
    let (title, detail, next) = if has("no suitable node") {
        return unplaceable(said, task);
    } else if has("unhealthy") {
        unhealthy(task)
    } else if let Some(found) = image(&lower, task) {
        found
    } else if let Some(found) = container(said, &lower, task) {
        found
    } else if let Some(code) = exit_code(&lower) {
        ended(code, task)
    } else if has("heartbeat") || has("node is down") || has("node unreachable") {
        let host = host(task);
        (
            "its host was lost".to_owned(),
            format!("The swarm has not heard from {host} and counts its tasks as gone."),
            "Look at the host's power and network; `hive status` shows all hosts.".to_owned(),
        )
    } else {
        (
            "failed".to_owned(),
            match task.host {
                Some(host) => format!("The engine of {host} could not run the task."),
                None => "The swarm could not run the task.".to_owned(),
            },
            format!(
                "Read the words of the engine below, and `hive logs {}`.",
                task.service.name
            ),
        )
    };
    Failure {
        title,
        detail,
        next,
        said: said.to_owned(),
    }
}

type Words = (String, String, String);

fn host<'a>(task: &Circumstances<'a>) -> &'a str {
    task.host.unwrap_or("its host")
}

/// The image can't be had.
fn image(lower: &str, task: &Circumstances) -> Option<Words> {
    let (image, host) = (task.image, host(task));
    let has = |part: &str| lower.contains(part);
    let words = if has("toomanyrequests") || has("rate limit") {
        (
            "the registry allows no more pulls".to_owned(),
            format!(
                "{host} was refused by the registry of {image}: too many pulls in a short time."
            ),
            "Wait, or log in to the registry in the site's variables, or use a mirror.".to_owned(),
        )
    } else if has("pull access denied") || has("unauthorized") || has("no basic auth") {
        (
            "no access to the image".to_owned(),
            format!("The registry did not let {host} pull {image}: it does not exist there, or the login is missing or wrong."),
            "Check the image's name and the registry login of the site, then deploy the service again.".to_owned(),
        )
    } else if has("no such image") || has("manifest unknown") || has("manifest for") {
        (
            "no such image".to_owned(),
            format!("{host} does not have the image {image} and could not pull it."),
            format!(
                "Check the name and tag, and that {host} reaches the registry: `hive ssh -t {host} -- docker pull {image}`."
            ),
        )
    } else if has("x509") {
        (
            "the registry's certificate is not trusted".to_owned(),
            format!(
                "{host} could not pull {image}: it does not trust the certificate of the registry."
            ),
            "Add the registry's authority to the site, or check the clock of the host.".to_owned(),
        )
    } else {
        return None;
    };
    Some(words)
}

/// The engine could not make or start the container.
fn container(said: &str, lower: &str, task: &Circumstances) -> Option<Words> {
    let (host, service) = (host(task), &task.service.name);
    let has = |part: &str| lower.contains(part);
    let words = if has("bind source path does not exist") {
        let path = said.rsplit(": ").next().unwrap_or_default();
        (
            format!("no folder {path} to mount"),
            format!("The service mounts the folder {path} of the host; {host} has no such folder."),
            "Make the folder on every host where the service may run, or use a volume instead."
                .to_owned(),
        )
    } else if has("port is already allocated") || has("address already in use") {
        (
            "a port is taken".to_owned(),
            format!("Something else on {host} listens on a port that the service publishes there."),
            format!(
                "Find it with `hive ssh -t {host} -- ss -ltnup`, or choose another port for {service}."
            ),
        )
    } else if has("no space left on device") {
        (
            "no space left".to_owned(),
            format!("The disk of {host} is full, so the container could not be made."),
            format!(
                "See what fills it with `hive ssh -t {host} -- docker system df`, or enlarge the disk."
            ),
        )
    } else if has("executable file not found") || has("no such file or directory") && has("exec") {
        (
            "the program is not in the image".to_owned(),
            format!("The command of {service} names a program that image {} does not contain.", task.image),
            "Correct command or entrypoint in the service's definition; mind that a script needs its interpreter in the image.".to_owned(),
        )
    } else if has("exec format error") {
        (
            "the image is for another processor".to_owned(),
            format!(
                "The programs of {} do not run on the processor of {host}.",
                task.image
            ),
            "Use an image for the processor of the hosts.".to_owned(),
        )
    } else if has("mounting volume") || has("volumedriver") || has("volume driver") {
        (
            "a volume could not be mounted".to_owned(),
            format!(
                "The volume driver of {host} could not give the service its volume: it is held elsewhere, is not in step, or does not exist."
            ),
            format!(
                "`hive status` shows volumes; on the host: `hive ssh -t {host} -- journalctl -u docker`."
            ),
        )
    } else if has("could not find an available") || has("no available ip") || has("pool exhausted")
    {
        (
            "a network has no address left".to_owned(),
            "All addresses of one of the service's networks are in use.".to_owned(),
            "Give the network a larger range (it has to be made anew), or spread services over networks.".to_owned(),
        )
    } else if has("network") && (has("not found") || has("could not find")) {
        (
            "a network is missing".to_owned(),
            format!(
                "{host} does not know a network of the service; often it was removed and made anew meanwhile."
            ),
            format!("Run `hive build-networks`, then `hive deploy-services -l {service}`."),
        )
    } else if (has("secret") || has("config")) && has("not found") {
        (
            "a secret or config is missing".to_owned(),
            format!("{service} reads a secret or config that the swarm does not have any more."),
            format!("Run `hive deploy-services -l {service}`, which makes it again."),
        )
    } else if has("context deadline exceeded") || has("i/o timeout") {
        (
            "the engine was too slow".to_owned(),
            format!(
                "The engine of {host} gave up waiting for something: an image, a network or a volume."
            ),
            format!(
                "It is tried again by itself. If it stays: `hive ssh -t {host} -- journalctl -u docker`."
            ),
        )
    } else if has("cannot allocate memory") || has("out of memory") || has("oom") {
        (
            "not enough memory".to_owned(),
            format!(
                "The container on {host} used more memory than it may, or the host had none left."
            ),
            format!("Raise the memory limit of {service}, or move something away from {host}."),
        )
    } else {
        return None;
    };
    Some(words)
}

fn unhealthy(task: &Circumstances) -> Words {
    let service = &task.service.name;
    (
        "unhealthy".to_owned(),
        format!(
            "Its health check failed several times in a row on {}, so the swarm stopped it and starts another.",
            host(task)
        ),
        format!(
            "`hive logs {service}` shows why. If it only needs longer to start, give its healthcheck a start_period."
        ),
    )
}

/// The number in `task: non-zero exit (1)`.
fn exit_code(lower: &str) -> Option<u8> {
    let (_, rest) = lower.split_once("non-zero exit (")?;
    rest.split_once(')')?.0.parse().ok()
}

fn ended(code: u8, task: &Circumstances) -> Words {
    let service = &task.service.name;
    let host = host(task);
    let logs = format!("`hive logs {service}` shows its last words.");
    let (what, next) = match code {
        126 => (
            "its command can't be executed".to_owned(),
            "Check the rights of the command's file in the image.".to_owned(),
        ),
        127 => (
            "its command was not found".to_owned(),
            "Check command and entrypoint of the service against the image.".to_owned(),
        ),
        137 => (
            "it was killed, most often because it used more memory than it may".to_owned(),
            format!("Look at the memory limit of {service}, then at `hive logs {service}`."),
        ),
        139 => ("it crashed (segmentation fault)".to_owned(), logs),
        134 => ("it gave up (abort)".to_owned(), logs),
        143 => ("it was told to end from outside the swarm".to_owned(), logs),
        _ => ("its program gave up".to_owned(), logs),
    };
    (
        format!("ended with exit code {code}"),
        format!("The container on {host} ended with exit code {code}: {what}."),
        next,
    )
}

/// `no suitable node (scheduling constraints not satisfied on 2 nodes; insufficient resources on 1 node)`.
fn unplaceable(said: &str, task: &Circumstances) -> Failure {
    let service = task.service;
    let inner = said
        .split_once('(')
        .map(|(_, rest)| rest.trim_end().trim_end_matches(')'))
        .unwrap_or_default();
    let mut reasons = Vec::new();
    let mut next = Vec::new();
    for part in inner
        .split([';', ','])
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let (reason, step) = obstacle(part, service);
        reasons.push(reason);
        next.extend(step);
    }
    let detail = if reasons.is_empty() {
        "No host can take it.".to_owned()
    } else {
        format!("No host can take it: {}.", reasons.join("; "))
    };
    let next = match next.first() {
        Some(_) => {
            let mut text = next.join("; ");
            text[..1].make_ascii_uppercase();
            text + "."
        }
        None if service.mode == Mode::Global => "Look at the hosts' availability.".to_owned(),
        None => format!(
            "Look at the placement of {} and at the hosts.",
            service.name
        ),
    };
    Failure {
        title: "no suitable host".to_owned(),
        detail,
        next,
        said: said.to_owned(),
    }
}

/// One of the scheduler's reasons, as in `insufficient resources on 2 nodes`, and what helps.
fn obstacle(part: &str, service: &Service) -> (String, Option<&'static str>) {
    let lower = part.to_lowercase();
    let has = |text: &str| lower.contains(text);
    let count: Option<u32> = lower.split_whitespace().find_map(|word| word.parse().ok());
    let hosts = |one: &str, several: &str, rest: &str| match count {
        Some(1) => format!("1 host {one} {rest}"),
        Some(number) => format!("{number} hosts {several} {rest}"),
        None => format!("hosts {several} {rest}"),
    };
    let lacking = |rest: &str| hosts("does not have", "do not have", rest);
    if has("constraints not satisfied") {
        let wanted = match service.constraints.as_slice() {
            [] => "its constraints".to_owned(),
            constraints => constraints.join(" and "),
        };
        (
            hosts("does not meet", "do not meet", &wanted),
            Some("give a host the label or role that is asked for, or change the placement"),
        )
    } else if has("insufficient resources") {
        (
            lacking("the memory or processors that it reserves free"),
            Some("lower its reservations, or free a host"),
        )
    } else if has("not available for new tasks") {
        (
            hosts("takes", "take", "no new tasks (down, paused or drained)"),
            Some("bring hosts back, or set their availability to active"),
        )
    } else if has("port") && has("in use") {
        (
            lacking("its port free"),
            Some("a host-mode port is used once per host: ask for fewer replicas or add hosts"),
        )
    } else if has("max replicas per node") {
        (
            hosts("has", "have", "as many of its tasks as one host may"),
            Some("raise max_replicas_per_node, or ask for fewer replicas"),
        )
    } else if has("plugin") {
        (
            lacking("the volume, network or log driver that it needs"),
            Some("check the driver's name, and that it runs on the hosts"),
        )
    } else if has("platform") {
        (
            lacking("the processor or system of its image"),
            Some("use an image for the hosts' platform"),
        )
    } else {
        (part.to_owned(), None)
    }
}
