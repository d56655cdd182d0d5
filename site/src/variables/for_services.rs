//! What reading services asks of variables.

use super::evaluation::Evaluation;
use super::layers;
use crate::service::evaluate::Evaluate;
use crate::service::{self, HiveWide, Reading, Surroundings};
use crate::yaml::report::Report;
use crate::yaml::tree::{Entry, Node};
use crate::{Diagnostics, Site, Stage};

/// Reads the service definitions with their templates evaluated.
pub(crate) fn read(
    site: &Site,
    stage: &Stage,
    hive: &HiveWide,
    evaluation: &Evaluation,
) -> Result<Reading, Diagnostics> {
    let mut report = Report::new(evaluation.sources());
    let around = Surroundings {
        sources: evaluation.sources(),
        site,
        stage,
        hive,
        kept: evaluation.kept(),
    };
    let trees = &evaluation.world().services;
    let (services, kept, materials) = service::read(trees, &around, evaluation, &mut report);
    Ok(Reading {
        services,
        kept,
        warnings: report.finish()?,
        materials,
    })
}

impl Evaluate for Evaluation {
    fn node(&self, node: &Node, host: &str, report: &mut Report<'_>) -> Option<Node> {
        Evaluation::node(self, node, host, report)
    }

    fn overriding(&self, host: &str, variable: &str) -> Option<Entry> {
        layers::last(self.world().files.of_host_itself(host), variable).cloned()
    }

    fn fallback(&self, host: &str, variable: &str) -> Option<Entry> {
        let world = self.world();
        let own = world.inventory.members.get(host)?;
        match layers::last(&own.given, variable) {
            Some(_) => None,
            None => self.entry(host, variable).cloned(),
        }
    }
}
