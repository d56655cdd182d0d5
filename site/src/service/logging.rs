//! Where a container's output goes.

use std::collections::BTreeMap;

use super::model::Logging;
use super::surroundings::Surroundings;
use super::values;
use crate::yaml::fields::Fields;
use crate::yaml::report::Report;

/// `logging`; by default the repository host takes the logs. UDP, so that services start and run
/// while it is down.
pub(crate) fn read(
    fields: &Fields<'_>,
    service: &str,
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> Logging {
    if let Some(entry) = fields.entry("logging")
        && let Some(given) = Fields::open(
            &entry.node,
            entry.place,
            "`logging`",
            &["driver", "options"],
            report,
        )
    {
        given.required("driver", "syslog", report);
        return Logging {
            driver: given.text("driver", report).unwrap_or_default(),
            options: values::map_field(&given, "options", report),
        };
    }
    let hive = around.hive;
    let protocol = match hive.tls_logging {
        Some(_) => "tcp+tls",
        None => "udp",
    };
    let mut options = BTreeMap::from([
        (
            "syslog-address".to_owned(),
            format!("{protocol}://{}:{}", hive.repository, hive.syslog_port),
        ),
        ("syslog-facility".to_owned(), "local0".to_owned()),
        ("tag".to_owned(), service.to_owned()),
    ]);
    if let Some(tls) = &hive.tls_logging {
        options.extend([
            ("syslog-tls-ca-cert".to_owned(), tls.ca_cert.clone()),
            ("syslog-tls-cert".to_owned(), tls.cert.clone()),
            ("syslog-tls-key".to_owned(), tls.key.clone()),
        ]);
    }
    Logging {
        driver: "syslog".to_owned(),
        options,
    }
}
