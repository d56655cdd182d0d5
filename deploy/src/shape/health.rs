//! Health checks. Docker writes `Healthcheck`, the library reads `HealthCheck`: what a service has is
//! lost on the way back. So what was told is kept in a label of the service, too; changing it starts
//! no task anew. A health check changed by hand is not seen.

use bollard::models::ServiceSpec;
use serde_json::Value;

const LABEL: &str = "hive.healthcheck";

/// Puts the health check into the label.
pub fn remember(spec: &mut ServiceSpec) {
    let task = spec.task_template.as_ref();
    let check = task.and_then(|task| task.container_spec.as_ref()?.health_check.as_ref());
    let text = check.and_then(|check| serde_json::to_string(check).ok());
    match text {
        Some(text) => {
            let labels = spec.labels.get_or_insert_default();
            labels.insert(LABEL.to_owned(), text);
        }
        None => {
            if let Some(labels) = &mut spec.labels {
                labels.remove(LABEL);
            }
        }
    }
}

/// Takes the label out, and puts the health check where it belongs if it is not there.
pub fn recall(whole: &mut Value) {
    let Some(labels) = whole["Labels"].as_object_mut() else {
        return;
    };
    let Some(Value::String(text)) = labels.remove(LABEL) else {
        return;
    };
    let container = &mut whole["TaskTemplate"]["ContainerSpec"];
    if container["HealthCheck"].is_null()
        && let Ok(check) = serde_json::from_str(&text)
    {
        container["HealthCheck"] = check;
    }
}
