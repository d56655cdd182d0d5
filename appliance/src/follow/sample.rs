//! Small views for tests.

use super::view::{Node, Service, Stage, SwarmView, Task};

/// A living worker; its host is named like its id with an `h` in front.
pub fn node(id: &str) -> Node {
    Node {
        id: id.into(),
        host: format!("h{id}"),
        version: 1,
        ..Node::default()
    }
}

/// A manager.
pub fn manager(id: &str) -> Node {
    Node {
        manager: true,
        ..node(id)
    }
}

/// A service of one task and no labels.
pub fn service(name: &str) -> Service {
    Service {
        id: format!("id-{name}"),
        name: name.into(),
        created: "2026-01-01T00:00:00Z".into(),
        single: true,
        ..Service::default()
    }
}

/// A task that is wanted.
pub fn task(id: &str, node: &str, stage: Stage) -> Task {
    Task {
        id: id.into(),
        node: Some(node.into()),
        created: "2026-01-01T00:00:01Z".into(),
        wanted: true,
        stage,
    }
}

/// A service with labels whose task runs on `node`.
pub fn running(name: &str, on: &str, labels: &[(&str, &str)]) -> Service {
    let mut service = service(name);
    let labels = labels.iter().map(|&(k, v)| (k.to_owned(), v.to_owned()));
    service.labels = labels.collect();
    service.tasks = vec![task(&format!("t-{name}"), on, Stage::Running)];
    service
}

/// Three managers, of which the first leads, and these services.
pub fn view(services: Vec<Service>) -> SwarmView {
    let mut nodes = vec![manager("1"), manager("2"), manager("3")];
    nodes[0].leader = true;
    SwarmView { services, nodes }
}
