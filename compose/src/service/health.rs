//! `healthcheck:` of a service.

use bollard::models::HealthConfig;

use super::NOTHING;
use crate::fields::Fields;
use hive_site::yaml::report::Report;
use hive_site::yaml::tree::Value;

const KNOWN: [&str; 7] = [
    "test",
    "interval",
    "timeout",
    "retries",
    "start_period",
    "start_interval",
    "disable",
];

pub(super) fn read(
    service: &Fields<'_>,
    what: &str,
    report: &mut Report<'_>,
) -> Option<HealthConfig> {
    let node = service.get("healthcheck")?;
    let what = format!("`healthcheck` of {what}");
    let fields = Fields::of(node, &what, &KNOWN, &NOTHING, report)?;
    let test = test(&fields, &what, report);
    if fields.flag("disable", report) == Some(true) {
        if test.is_some() {
            report.error(
                fields.place_of("disable"),
                format!("{what} has a test and is disabled"),
                "remove one of them",
            );
        }
        return Some(HealthConfig {
            test: Some(vec!["NONE".into()]),
            ..Default::default()
        });
    }
    Some(HealthConfig {
        test,
        interval: fields.duration("interval", report),
        timeout: fields.duration("timeout", report),
        retries: fields.number("retries", report),
        start_period: fields.duration("start_period", report),
        start_interval: fields.duration("start_interval", report),
    })
}

fn test(fields: &Fields<'_>, what: &str, report: &mut Report<'_>) -> Option<Vec<String>> {
    let node = fields.get("test")?;
    if let Some(text) = node.as_text() {
        return Some(vec!["CMD-SHELL".into(), text.to_owned()]);
    }
    let words = fields.texts("test", report);
    let first = words.first().map(String::as_str);
    let known = ["NONE", "CMD", "CMD-SHELL"];
    if matches!(node.value, Value::List(_)) && !first.is_some_and(|first| known.contains(&first)) {
        report.error(
            node.place,
            format!("the test of {what} does not begin with NONE, CMD or CMD-SHELL"),
            "write [\"CMD\", \"program\", \"argument\"], or the command as one text",
        );
        return None;
    }
    Some(words)
}
