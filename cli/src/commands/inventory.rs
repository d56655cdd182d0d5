//! `hive inventory`: all groups, names and variables that the site's files make.

use std::process::ExitCode;

use hive_site::expanded;
use serde_json::Value;

use crate::args::Global;
use crate::error::{CommandError, Result, Usage};
use crate::output;
use crate::outside;
use crate::site_folder::SiteFolder;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Inventory {
    /// Only the variables of this host, service, image (image_NAME), volume (volume_NAME) or network
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// What the variables of the stage evaluate to: {"value": …}, or {"error": …} where a template has none
    #[arg(long)]
    evaluated: bool,
    /// Print JSON, as without it
    #[arg(long)]
    json: bool,
    /// Print YAML
    #[arg(long, conflicts_with = "json")]
    yaml: bool,
}

impl Inventory {
    /// Prints it.
    ///
    /// # Errors
    /// The site can't be read, or there is no such host.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let mut folder = SiteFolder::open(global)?;
        folder.stage(global)?;
        let evaluation = outside::numbered(&folder.site, &mut folder.variables)?;
        let document = match (&self.host, self.evaluated) {
            (None, false) => Some(expanded::inventory(&evaluation)),
            (None, true) => Some(expanded::evaluated(&evaluation)),
            (Some(name), false) => expanded::host(&evaluation, name),
            (Some(name), true) => expanded::evaluated_host(&evaluation, name),
        };
        let Some(document) = document else {
            let name = self.host.unwrap_or_default();
            let none =
                format!("the inventory has no host, service, image, volume or network `{name}`");
            let names: Vec<&str> = expanded::names(&evaluation).collect();
            return Err(
                CommandError::from(Usage(none)).hint(format!("it has: {}", names.join(", ")))
            );
        };
        let text = match self.yaml {
            true => yaml(&document),
            false => format!("{}\n", serde_json::to_string_pretty(&document)?),
        };
        output::data(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A document as YAML: blocks for what has parts, texts in double quotes as JSON writes them.
fn yaml(document: &Value) -> String {
    let mut text = String::new();
    write_yaml(document, 0, &mut text);
    text
}

fn write_yaml(value: &Value, depth: usize, text: &mut String) {
    let margin = "  ".repeat(depth);
    let mut item = |head: String, value: &Value| {
        text.push_str(&margin);
        text.push_str(&head);
        match value {
            Value::Object(map) if !map.is_empty() => {
                text.push('\n');
                write_yaml(value, depth + 1, text);
            }
            Value::Array(list) if !list.is_empty() => {
                text.push('\n');
                write_yaml(value, depth + 1, text);
            }
            other => {
                text.push_str(&format!(" {other}\n"));
            }
        }
    };
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                item(format!("{}:", Value::from(key.as_str())), value);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| item("-".into(), value)),
        other => text.push_str(&format!("{margin}{other}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_says_the_same_as_json() {
        let document = json!({"a": {"b": [1, {"c": "x: y\n"}, []]}, "on": null, "e": {}});
        let text = yaml(&document);
        assert_eq!(
            text,
            "\"a\":\n  \"b\":\n    - 1\n    -\n      \"c\": \"x: y\\n\"\n    - []\n\"e\": {}\n\"on\": null\n"
        );
    }
}
