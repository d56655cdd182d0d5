//! V1: a service with a virtual IP, from its definition to an answer.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hive_tests::checklist::{How, Item};
use hive_tests::prober;

use super::stage::{SERVICE, Stage, VIP};

pub const BOXES: &[Item<Stage>] = &[Item {
    id: "V1",
    name: "deploy-services: the virtual IP answers, and hive vips says who holds it since when",
    how: How::Run(answers),
}];

/// The service that is moved about; its router is the prober.
pub fn write_services(site: &Path) {
    let router = prober::ADDRESS;
    let text = format!(
        "plugin: hive_services
available_on: [private]
services:
  {SERVICE}:
    image: box:1
    labels: {{HIVE_VIP: {VIP}, HIVE_ROUTER: {router}}}
    stop_grace_period: 1s
"
    );
    fs::write(site.join("inventory/services.yml"), text).unwrap();
}

fn answers(stage: &Stage) {
    let cluster = &stage.cluster;
    cluster.ok(&["build-networks"]);
    cluster.ok(&["deploy-services"]);
    let task = stage.settled(SERVICE, VIP);
    let vip = stage.cluster.eventually("hive vips to tell of it", 60, || {
        let vips = stage.vips();
        let ip = VIP.to_string();
        let mut list = vips["addresses"].as_array().unwrap().iter();
        let found = list.find(|v| v["address"] == ip.as_str()).cloned();
        found
            .filter(|v| !v["router"]["answered"].is_null())
            .ok_or(vips.to_string())
    });
    let holders = vip["holders"].as_array().unwrap();
    assert_eq!(holders.len(), 1, "{vip}");
    let holder = holders[0].as_str().unwrap();
    assert_eq!(holder.split('.').next(), Some(task.host.as_str()), "{vip}");
    assert_eq!(vip["service"], SERVICE, "{vip}");
    assert_eq!(vip["state"], "held", "{vip}");
    assert_eq!(
        vip["router"]["address"],
        prober::ADDRESS.to_string(),
        "{vip}"
    );
    assert_eq!(vip["router"]["failures"], 0, "{vip}");
    let since = hive_tests::clock::unix(vip["since"].as_str().unwrap());
    let held = cluster.clock(&task.host).moment(since).elapsed();
    assert!(held < Duration::from_secs(3600), "held since {since}");
    let text = cluster.ok(&["vips"]);
    assert!(text.contains(&VIP.to_string()), "{text}");
}
