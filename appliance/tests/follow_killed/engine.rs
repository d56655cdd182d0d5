//! An engine that knows just what the daemon asks of one, on one node that manages a swarm alone. It is
//! strict: another question is a fault, and so is a change of the node by an old version.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use super::random::Random;

const NAMES: [&str; 4] = ["web", "zabbix", "mail", "dns"];

#[derive(Clone)]
struct Service {
    id: u64,
    name: String,
    vip: String,
    task: u64,
    runs: bool,
}

#[derive(Default)]
struct State {
    services: Vec<Service>,
    count: u64,
    version: u64,
    labels: BTreeMap<String, String>,
    faults: Vec<String>,
}

#[derive(Clone)]
pub struct Engine(Arc<Mutex<State>>);

impl Engine {
    /// Listens at `socket` in a thread of its own.
    pub fn start(socket: &Path) -> Self {
        let engine = Self(Arc::default());
        let listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        let served = engine.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(served.serve(listener));
        });
        engine
    }

    async fn serve(self, listener: std::os::unix::net::UnixListener) {
        let listener = tokio::net::UnixListener::from_std(listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let engine = self.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let engine = engine.clone();
                    async move { Ok::<_, Infallible>(engine.answer(request).await) }
                });
                // The daemon may be killed at any time.
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                let _ = connection.await;
            });
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
        if path == "/events" {
            // Never one: the daemon has to see everything without.
            std::future::pending::<()>().await;
        }
        let (status, answer) = self.lock().answer(&parts.method, path, query, &body);
        let mut response = Response::new(Full::new(Bytes::from(answer.to_string())));
        *response.status_mut() = status.try_into().unwrap();
        response
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// A person or the swarm changes something.
    pub fn change(&self, random: &mut Random) {
        let mut state = self.lock();
        state.count += 1;
        let (id, n) = (state.count, state.services.len() as u64);
        let which = random.within(0, n.max(1) - 1) as usize;
        let vip = format!("10.9.0.{}", random.within(100, 105));
        match random.within(0, 5) {
            0 | 1 if n < NAMES.len() as u64 => {
                let used: Vec<&str> = state.services.iter().map(|s| s.name.as_str()).collect();
                let name = NAMES.iter().find(|name| !used.contains(name)).unwrap();
                let name = (*name).to_owned();
                state.services.push(Service {
                    id,
                    name,
                    vip,
                    task: id,
                    runs: true,
                });
            }
            _ if n == 0 => {}
            2 => drop(state.services.remove(which)),
            3 => state.services[which].vip = vip,
            4 => state.services[which].runs = !state.services[which].runs,
            // Replaced on the same node, or deleted and made again.
            _ => {
                let again = random.chance(500);
                let service = &mut state.services[which];
                service.task = id;
                if again {
                    service.id = id;
                }
            }
        }
    }

    pub fn make_all_run(&self) {
        self.lock()
            .services
            .iter_mut()
            .for_each(|service| service.runs = true);
    }

    pub fn clear(&self) {
        self.lock().services.clear();
    }

    /// Addresses that are to be held: of two services with one, the older one's.
    pub fn wanted(&self) -> BTreeSet<String> {
        let state = self.lock();
        let mut owners: BTreeMap<&str, &Service> = BTreeMap::new();
        for service in &state.services {
            let owner = owners.entry(&service.vip).or_insert(service);
            if service.id < owner.id {
                *owner = service;
            }
        }
        let running = owners.into_iter().filter(|(_, service)| service.runs);
        running.map(|(vip, _)| vip.to_owned()).collect()
    }

    pub fn wanted_labels(&self) -> BTreeMap<String, String> {
        let state = self.lock();
        let running = state.services.iter().filter(|service| service.runs);
        running
            .flat_map(|service| {
                let companion = format!("hive.mark.{}", service.name);
                let id = format!("s{:06}", service.id);
                [(service.name.clone(), "true".to_owned()), (companion, id)]
            })
            .collect()
    }

    pub fn labels(&self) -> BTreeMap<String, String> {
        self.lock().labels.clone()
    }

    pub fn faults(&self) -> Vec<String> {
        self.lock().faults.clone()
    }
}

impl State {
    fn answer(&mut self, method: &Method, path: &str, query: &str, body: &[u8]) -> (u16, Value) {
        match (method.as_str(), path) {
            ("GET", "/info") => (
                200,
                json!({"Swarm": {"NodeID": "n1", "LocalNodeState": "active", "ControlAvailable": true}}),
            ),
            ("GET", "/services") => {
                let listed = self.services.iter().map(|service| json!({
                    "ID": format!("s{:06}", service.id), "CreatedAt": format!("{:09}", service.id),
                    "Spec": {"Name": service.name, "Mode": {"Replicated": {"Replicas": 1}}, "Labels": {
                        "HIVE_VIP": service.vip, "HIVE_MARK": service.name, "HIVE_DNAT_PORTS": "80,53/udp"}},
                }));
                (200, listed.collect())
            }
            ("GET", "/tasks") => {
                let listed = self.services.iter().map(|service| json!({
                    "ID": format!("t{}", service.task), "ServiceID": format!("s{:06}", service.id), "NodeID": "n1",
                    "CreatedAt": format!("{:09}", service.task), "DesiredState": "running",
                    "Status": {"State": if service.runs { "running" } else { "failed" }},
                }));
                (200, listed.collect())
            }
            ("GET", "/nodes") => (200, json!([self.node()])),
            ("GET", "/nodes/n1") => (200, self.node()),
            ("POST", "/nodes/n1/update") if query != format!("version={}", self.version) => {
                (500, json!({"message": "rpc error: update out of sequence"}))
            }
            ("POST", "/nodes/n1/update") => {
                let spec: Value = serde_json::from_slice(body).unwrap();
                self.labels = serde_json::from_value(spec["Labels"].clone()).unwrap_or_default();
                self.version += 1;
                (200, Value::Null)
            }
            ("GET", "/containers/json") => {
                let running = self.services.iter().filter(|service| service.runs);
                let listed = running.map(|service| {
                    json!({
                        "Id": format!("c{}", service.task),
                        "Labels": {"com.docker.swarm.task.id": format!("t{}", service.task)},
                    })
                });
                (200, listed.collect())
            }
            ("GET", "/networks/docker_gwbridge" | "/networks/bridge1") => {
                let ends = self.services.iter().map(|service| {
                    let address = format!(
                        "172.18.{}.{}/16",
                        service.task / 250,
                        service.task % 250 + 2
                    );
                    (
                        format!("c{}", service.task),
                        json!({"IPv4Address": address}),
                    )
                });
                let ends: serde_json::Map<String, Value> = ends.collect();
                (200, json!({"Id": "bridge1", "Containers": ends}))
            }
            _ => {
                self.faults.push(format!("{method} {path}?{query}"));
                (501, json!({"message": "no such call"}))
            }
        }
    }

    fn node(&self) -> Value {
        json!({
            "ID": "n1", "Version": {"Index": self.version}, "Spec": {"Role": "manager", "Availability": "active", "Labels": self.labels},
            "Description": {"Hostname": "h1"}, "Status": {"State": "ready"}, "ManagerStatus": {"Leader": true},
        })
    }
}
