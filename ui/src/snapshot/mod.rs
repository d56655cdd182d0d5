//! What a swarm holds, in the words of the page.
//!
//! [`Lists`] is what an engine tells, [`Snapshot`] is what the page gets. In between, everything that may be
//! secret is left out ([`service`]), and everything that is wrong is explained ([`problems`]).

mod host;
mod instant;
mod model;
mod network;
pub mod problems;
mod service;
mod state;
mod task;
pub mod task_failure;

use std::collections::HashMap;

use bollard::models;

pub use instant::parse as parse_instant;
pub use model::*;
pub use state::{Link, State};

/// The lists of one look at the engine of a manager.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    /// When they were asked for: milliseconds since 1970.
    pub taken_at: i64,
    /// The engine that was asked, and what it thinks of its swarm.
    pub engine: models::SystemInfo,
    /// The hosts.
    pub nodes: Vec<models::Node>,
    /// The services, with their status where the engine tells it.
    pub services: Vec<models::Service>,
    /// All tasks that the swarm remembers.
    pub tasks: Vec<models::Task>,
    /// The networks that the engine knows.
    pub networks: Vec<models::Network>,
}

impl Snapshot {
    /// What the lists say.
    pub fn of(lists: &Lists) -> Self {
        let mut hosts: Vec<Host> = lists.nodes.iter().map(host::of).collect();
        hosts.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        let host_names: HashMap<&str, &str> = hosts
            .iter()
            .map(|host| (host.id.as_str(), host.name.as_str()))
            .collect();
        let network_names: HashMap<&str, &str> = lists
            .networks
            .iter()
            .filter_map(|network| Some((network.id.as_deref()?, network.name.as_deref()?)))
            .collect();
        let mut services: Vec<Service> = lists
            .services
            .iter()
            .map(|told| service::of(told, &network_names))
            .collect();
        services.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        let tasks = task::all(&lists.tasks, &services, &host_names);
        service::count(&mut services, &tasks, &hosts);
        let networks = network::all(&lists.networks, &services);
        let mut snapshot = Self {
            version: SNAPSHOT_VERSION,
            taken_at: lists.taken_at,
            through: lists.engine.name.clone().unwrap_or_default(),
            swarm: host::swarm(&lists.engine, &hosts),
            hosts,
            services,
            tasks,
            networks,
            problems: Vec::new(),
        };
        snapshot.problems = problems::of(&snapshot);
        snapshot
    }
}
