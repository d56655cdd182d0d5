//! The mirrored ones: plan, records, and the hosts' parts.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::anyhow;
use hive_deploy::actual::Actual;
use hive_records::Records;
use hive_volumes::plan::{self, Line, Plan, Request, There};
use hive_volumes::record::document::CONFIG_PREFIX;

use crate::deployment::account::{Account, State};
use crate::deployment::connected::Connected;
use crate::desired::Wanted;
use crate::error::{CommandError, Result};
use crate::mirrored::progress::Goal;
use crate::mirrored::reports::{Asker, Reports};
use crate::mirrored::{there, waiting, wanted, writing};
use crate::phases::Context;
use crate::{output, random};

/// The mirrored volumes of one run.
pub struct Mirrored {
    /// What is to be done.
    pub plan: Plan,
    /// Volumes with a record and without a definition, unless only some volumes were asked for.
    pub leftovers: Vec<String>,
    asker: Asker,
    ask: Ask,
    records: Records,
}

/// What does not change between two plans.
struct Ask {
    wanted: Vec<plan::Wanted>,
    site: plan::Site,
    /// Docker's other volumes; the records in it are read anew each time.
    there: There,
    request: Request,
}

impl Mirrored {
    /// Plans what the files want.
    ///
    /// # Errors
    /// All that is refused; nothing was changed then.
    pub async fn plan(
        context: &Context<'_>,
        connected: &mut Connected<'_>,
        actual: &Actual,
        wanted: &Wanted,
    ) -> Result<Self> {
        let volumes = wanted::volumes(&wanted.services);
        Self::of(context, connected, actual, volumes, Request::default()).await
    }

    /// Plans the removal of these, which may have no definition any more.
    ///
    /// # Errors
    /// As [`Self::plan`]; one is in use.
    pub async fn removal(
        context: &Context<'_>,
        connected: &mut Connected<'_>,
        actual: &Actual,
        volumes: Vec<plan::Wanted>,
    ) -> Result<Self> {
        let request = Request {
            only: None,
            remove: true,
        };
        Self::of(context, connected, actual, volumes, request).await
    }

    async fn of(
        context: &Context<'_>,
        connected: &mut Connected<'_>,
        actual: &Actual,
        volumes: Vec<plan::Wanted>,
        request: Request,
    ) -> Result<Self> {
        let asker = Asker::of(&context.private, context.stage)?;
        let any = actual
            .configs
            .keys()
            .any(|name| name.starts_with(CONFIG_PREFIX));
        let (records, reports) = match (volumes.is_empty(), any) {
            (true, false) => (Records::default(), Reports::new()),
            (true, true) => (there::records(&mut connected.swarm).await?, Reports::new()),
            (false, _) => {
                let records = there::records(&mut connected.swarm);
                let (records, reports) = tokio::join!(records, asker.ask());
                (records?, reports)
            }
        };
        let mut there = there::there(Records::default(), actual);
        if request.remove {
            let names = volumes.iter().map(|volume| &volume.name);
            for name in names.filter(|name| records.volumes.contains_key(*name)) {
                let users = there::users(connected, actual, name).await?;
                there.users.insert(name.clone(), users);
            }
        }
        let here = wanted::are_here(context);
        let ask = Ask {
            site: wanted::site(context.stage, here, &reports),
            wanted: volumes,
            there,
            request,
        };
        let plan = ask.plan(&records)?;
        let whole = context.options.limit.is_empty();
        let defined: BTreeSet<&str> = ask.wanted.iter().map(|v| v.name.as_str()).collect();
        let leftovers = records.volumes.keys();
        let leftovers = leftovers.filter(|name| whole && !defined.contains(name.as_str()));
        Ok(Self {
            leftovers: leftovers.cloned().collect(),
            plan,
            asker,
            ask,
            records,
        })
    }

    /// Writes the records. Where somebody else was faster, the plan is made once more.
    ///
    /// # Errors
    /// No manager answers, somebody else was faster again, or what is there now does not allow it.
    pub async fn write(&mut self, connected: &mut Connected<'_>, account: &Account) -> Result<()> {
        let all = self.plan.lines.iter().filter(writing::writes).count();
        if all == 0 {
            return Ok(());
        }
        account.is(State::CarryingOut {
            done: 0,
            all,
            now: None,
        });
        let swarm = &mut connected.swarm;
        let overtaken = writing::write(swarm, &self.plan, account).await?;
        if overtaken.is_empty() {
            return Ok(());
        }
        output::say(&format!(
            "  changed meanwhile, and planned again: {}",
            overtaken.join(", ")
        ));
        // What was written before counts from what was written, not from what is there by now.
        let written = std::mem::replace(&mut self.plan, Plan { lines: Vec::new() });
        self.records = there::records(swarm).await?;
        let mut again = self.ask.plan(&self.records)?;
        again
            .lines
            .retain(|line| overtaken.iter().any(|name| name == line.name.as_str()));
        let still = writing::write(swarm, &again, account).await?;
        if !still.is_empty() {
            let error = anyhow!(
                "the records of these volumes are being changed by somebody else: {}",
                still.join(", ")
            );
            return Err(CommandError::from(error)
                .hint("all others are written; run this again when whoever it is has ended"));
        }
        let kept = written.lines.into_iter();
        let kept = kept.filter(|line| !overtaken.iter().any(|name| name == line.name.as_str()));
        again.lines.extend(kept);
        self.plan = again;
        Ok(())
    }

    /// Whether there is anything to wait for.
    pub fn is_awaited(&self) -> bool {
        !self.plan.lines.is_empty()
    }

    /// Waits until all hosts have done their parts.
    ///
    /// # Errors
    /// Those that have not in time, and what to do.
    pub async fn wait(
        &self,
        connected: &mut Connected<'_>,
        seconds: u64,
        account: &Account,
    ) -> Result<()> {
        let lines = self.plan.lines.iter();
        let goals = lines.filter_map(|line: &Line| Goal::of(line, &self.records));
        let goals: Vec<Goal> = goals.collect();
        if goals.is_empty() {
            return Ok(());
        }
        waiting::wait(&mut connected.swarm, &self.asker, goals, seconds, account).await
    }
}

impl Ask {
    fn plan(&self, records: &Records) -> Result<Plan> {
        let birthmarks = self.wanted.iter().map(|_| random::birthmark());
        let mut birthmarks = birthmarks.collect::<anyhow::Result<Vec<String>>>()?;
        let records = records.volumes.values().cloned();
        let there = There {
            records: records
                .map(|record| (record.identity.name.clone(), record))
                .collect::<BTreeMap<_, _>>(),
            ..self.there.clone()
        };
        let next = || birthmarks.pop().unwrap_or_default();
        plan::plan(&self.wanted, &self.site, &there, &self.request, next).map_err(|refused| {
            let what = match self.request.remove {
                true => "volumes are in use; nothing was removed",
                false => "these mirrored volumes can't be made, and nothing was changed",
            };
            CommandError::from(anyhow!(refused.to_string()).context(what))
        })
    }
}
