//! Published ports that several services want.

use super::model::{Port, Protocol, PublishMode};
use crate::yaml::report::{Place, Report};

/// A published port, whose it is and where it is written.
pub(crate) struct Published<'s> {
    pub service: &'s str,
    pub port: Port,
    pub place: Place,
}

/// Compares the ports of all services as the swarm does: a port of the routing mesh belongs to one
/// service, a port of the hosts may be used by several that never meet.
pub(crate) fn judge(
    ports: &[Published<'_>],
    place_of: impl Fn(Place) -> String,
    report: &mut Report<'_>,
) {
    for (index, one) in ports.iter().enumerate() {
        let first = ports[..index].iter().find(|other| {
            other.service != one.service
                && other.port.published == one.port.published
                && other.port.protocol == one.port.protocol
        });
        let Some(first) = first else { continue };
        let message = format!(
            "port {}/{} of service `{}` is published by service `{}` at {} already",
            one.port.published,
            Protocol::name(one.port.protocol),
            one.service,
            first.service,
            place_of(first.place)
        );
        let on_hosts = one.port.mode == PublishMode::Host && first.port.mode == PublishMode::Host;
        if on_hosts {
            report.warn(
                one.place,
                message,
                "both publish it on their hosts, which works as long as no host runs both: give them constraints that keep them apart",
            );
        } else {
            report.error(
                one.place,
                message,
                "give one of them another published port; the swarm refuses the second",
            );
        }
    }
}
