//! What keeps a stack from being deployed, in words that fit stacks.

use std::collections::BTreeMap;

use hive_compose::CONTENT_LABEL;
use hive_deploy::actual::Actual;
use hive_deploy::desired::Desired;
use hive_deploy::plan::{Action, Kind, Plan};

/// The command that plans name for services of an inventory.
const OF_SITES: &str = "hive deploy-services -D -l ";

/// Marks secrets and configs of a fixed name whose content would have to change, and gives the other
/// ways out in words that fit a stack.
pub fn mark(plan: &mut Plan, desired: &Desired, actual: &Actual) {
    let changed = changed(desired, actual);
    for step in &mut plan.steps {
        if step.action == Action::Unchanged
            && changed.contains_key(&(step.kind, step.name.as_str()))
        {
            step.action = Action::Blocked {
                changes: Vec::new(),
                why: "it has a fixed name in the file, and docker can't change what it holds"
                    .into(),
                way_out: format!(
                    "give it another name in the file, best with a variable: name: {}_${{VERSION}}; or leave `name` away: then its name follows the content",
                    step.name
                ),
            };
        }
        if let Action::Blocked { way_out, .. } = &mut step.action {
            *way_out = fitting(way_out);
        }
    }
}

/// Secrets and configs whose content is another one than when they were made.
fn changed<'d>(desired: &'d Desired, actual: &Actual) -> BTreeMap<(Kind, &'d str), ()> {
    let secrets = desired.secrets.iter().filter_map(|wanted| {
        let found = actual.secrets.get(&wanted.name)?;
        let label = found.spec.labels.as_ref()?.get(CONTENT_LABEL)?;
        let wants = wanted.labels.get(CONTENT_LABEL)?;
        (wants != label).then_some(((Kind::Secret, wanted.name.as_str()), ()))
    });
    let configs = desired.configs.iter().filter_map(|wanted| {
        let found = actual.configs.get(&wanted.name)?;
        let label = found.spec.labels.as_ref()?.get(CONTENT_LABEL)?;
        let wants = wanted.labels.get(CONTENT_LABEL)?;
        (wants != label).then_some(((Kind::Config, wanted.name.as_str()), ()))
    });
    secrets.chain(configs).collect()
}

fn fitting(way_out: &str) -> String {
    if let Some((before, after)) = way_out.split_once(OF_SITES) {
        let end = after.find([')', ' ']).unwrap_or(after.len());
        let (names, rest) = after.split_at(end);
        let names = names.replace(',', " ");
        return format!("{before}docker service rm {names}{rest}");
    }
    way_out.replace(
        "hive build-networks",
        "docker network create --driver overlay NAME, or without `external` it is made with the stack",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use hive_deploy::actual::Found;
    use hive_deploy::desired::{Content, DesiredMaterial};
    use hive_deploy::plan::{Images, Request, plan};

    fn material(hash: &str) -> DesiredMaterial {
        DesiredMaterial {
            source: "shop_page".into(),
            name: "page-1".into(),
            content: Content::Bytes(b"x".to_vec()),
            labels: BTreeMap::from([(CONTENT_LABEL.to_owned(), hash.to_owned())]),
        }
    }

    fn planned(there: &str, wanted: &str) -> Plan {
        let desired = Desired {
            configs: vec![material(wanted)],
            ..Desired::default()
        };
        let mut found = Found::default();
        let labels = [(CONTENT_LABEL.to_owned(), there.to_owned())];
        let spec: &mut bollard::models::ConfigSpec = &mut found.spec;
        spec.labels = Some(labels.into());
        let mut actual = Actual::default();
        actual.configs.insert("page-1".into(), found);
        let request = Request::everything();
        let mut plan = plan(&desired, &actual, &Images::default(), &request).unwrap();
        mark(&mut plan, &desired, &actual);
        plan
    }

    #[test]
    fn another_content_under_a_fixed_name_is_in_the_way() {
        assert_eq!(planned("aa", "aa").blocked().count(), 0);
        assert_eq!(planned("aa", "bb").blocked().count(), 1);
    }

    #[test]
    fn ways_out_fit_a_stack() {
        assert_eq!(
            fitting("remove it (hive deploy-services -D -l a,b), then deploy it"),
            "remove it (docker service rm a b), then deploy it"
        );
        assert!(fitting("make it first: hive build-networks").contains("docker network create"));
    }
}
