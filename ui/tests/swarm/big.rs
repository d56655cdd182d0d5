//! A site with many services, long names and most of what can go wrong.

use serde_json::{Value, json};

use super::Swarm;

fn on(network: &str, stack: &str) -> Value {
    let labels = match stack {
        "" => json!({}),
        _ => json!({"com.docker.stack.namespace": stack}),
    };
    json!({
        "Labels": labels,
        "TaskTemplate": {"Networks": [{"Target": format!("network-{network}")}]},
    })
}

fn published(network: &str, stack: &str, published: i64, target: i64, mode: &str) -> Value {
    let mut spec = on(network, stack);
    spec["EndpointSpec"] = json!({"Mode": "vip", "Ports": [
        {"Protocol": "tcp", "TargetPort": target, "PublishedPort": published, "PublishMode": mode},
    ]});
    spec
}

impl Swarm {
    /// Three managers, two workers, 50 services.
    pub fn big() -> Self {
        let mut swarm = Self::new(3);
        swarm.host("h4", "worker");
        swarm.host("storage-and-backup-host-with-a-long-name-05", "worker");
        swarm.node("h1")["Spec"]["Labels"] =
            json!({"zone": "a", "ssd": "true", "follow.group.web": "leader"});
        swarm.node("h4")["Spec"]["Availability"] = json!("drain");
        swarm.network("hive_default_network", json!({"Attachable": true}));
        swarm.network("shop_backend", json!({
            "Labels": {"com.docker.stack.namespace": "shop"}, "Options": {"encrypted": ""}, "Internal": true,
        }));
        swarm.running(
            "pdns",
            1,
            published("hive_default_network", "", 53, 53, "ingress"),
        );
        swarm.running(
            "web",
            3,
            published("hive_default_network", "", 443, 8443, "ingress"),
        );
        for stack in ["shop", "wiki", "monitoring"] {
            for part in ["web", "api", "worker", "cache", "database"] {
                let network = if stack == "shop" {
                    "shop_backend"
                } else {
                    "hive_default_network"
                };
                swarm.running(&format!("{stack}_{part}"), 2, on(network, stack));
            }
        }
        for number in 1..=25 {
            swarm.running(
                &format!("tenant-{number:02}-portal"),
                1 + number % 3,
                on("hive_default_network", ""),
            );
        }
        swarm.running(
            "a-service-with-quite-a-long-name-that-somebody-thought-would-be-clear-to-all",
            2,
            published("hive_default_network", "", 61001, 8080, "host"),
        );
        swarm.troubles();
        swarm
    }

    fn troubles(&mut self) {
        self.service("billing", 3, on("shop_backend", "shop"));
        let image = json!("registry.example:5000/image_billing:v2");
        self.told("billing")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] = image.clone();
        self.task("billing", 1, "h1", "running", 300);
        let missing = "No such image: registry.example:5000/image_billing:v2";
        for minutes in [4, 3, 2] {
            self.failed("billing", 2, "h2", minutes, missing);
            self.failed("billing", 3, "h3", minutes, missing);
        }
        self.task("billing", 2, "h2", "preparing", 0);
        self.task("billing", 3, "h3", "preparing", 0);
        for task in self.tasks.iter_mut().rev().take(8) {
            task["Spec"]["ContainerSpec"]["Image"] = image.clone();
        }

        let constrained =
            json!({"TaskTemplate": {"Placement": {"Constraints": ["node.labels.gpu==true"]}}});
        self.service("render-farm", 2, constrained);
        let nowhere = "no suitable node (scheduling constraints not satisfied on 4 nodes; 1 node not available for new tasks)";
        for slot in [1, 2] {
            self.task("render-farm", slot, "", "pending", 30)["Status"]["Err"] = json!(nowhere);
        }

        self.service("mail", 1, on("hive_default_network", ""));
        for minutes in [12, 8, 5, 1] {
            self.failed(
                "mail",
                1,
                "h3",
                minutes,
                "task: non-zero exit (137): dockerexec: unhealthy container",
            );
        }
        self.task("mail", 1, "h3", "running", 1);

        self.service("importer", 1, on("hive_default_network", ""));
        self.failed("importer", 1, "h2", 1, "task: non-zero exit (1)");
        self.task("importer", 1, "h2", "ready", 0)["DesiredState"] = json!("ready");

        self.service("ledger", 1, on("hive_default_network", ""));
        self.told("ledger")["UpdateStatus"] = json!({
            "State": "paused", "StartedAt": self.ago(20),
            "Message": "update paused due to failure or early termination of task abc",
        });
        self.task("ledger", 1, "h1", "running", 19);

        self.service("new-search", 1, on("hive_default_network", ""));
        self.task("new-search", 1, "h1", "preparing", 0);

        self.service(
            "node-exporter",
            0,
            json!({"Mode": {"Global": {}, "Replicated": null}}),
        );
        for host in ["h1", "h2", "h3", "h4"] {
            self.task("node-exporter", 0, host, "running", 600);
        }
        self.down("storage-and-backup-host-with-a-long-name-05", 47);
        // What ran on the lost host is started elsewhere.
        for task in &mut self.tasks {
            if task["NodeID"].as_str().unwrap().contains("storage") {
                task["NodeID"] = json!("node-h2");
            }
        }
    }
}
