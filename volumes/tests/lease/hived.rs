//! What hived and the handler do on a host, a step at a time, so that everything can happen in between.

use hive_volumes::lease::{Link, acquire, admit, fence, overtaken, release};

use crate::copy::{Role, Task};
use crate::world::{Fault, NAMES, World};

impl World {
    /// Reads the record: sometimes from a manager that lags behind.
    fn read(&mut self, host: usize) -> Option<usize> {
        if !self.hosts[host].reaches_raft || !self.hosts[host].up {
            return None;
        }
        let newest = self.raft.history.len() - 1;
        let old = !self.calm && self.random.chance(100);
        let back = if old { self.random.index(3) } else { 0 };
        Some(newest.saturating_sub(back))
    }

    pub fn hived_step(&mut self, host: usize) {
        if !self.hosts[host].up {
            return;
        }
        let task = self.hosts[host].task.clone();
        let next = match task {
            Task::Idle => self.idle(host),
            Task::Acquire(index) => self.acquire(host, index),
            Task::Admit(index) => self.admit(host, index),
            Task::SeenComplete => match self.read(host) {
                Some(index) => self.admit_blindly(host, index),
                None => Task::Idle,
            },
            Task::Release(index) => self.release(host, index),
            // It gives up waiting; the change may take effect all the same.
            Task::Acquiring(_) | Task::Releasing(_) | Task::Admitting(_) => {
                match self.random.chance(200) {
                    true => Task::Idle,
                    false => task,
                }
            }
        };
        self.hosts[host].task = next;
    }

    fn idle(&mut self, host: usize) -> Task {
        let me = &self.hosts[host];
        let (wanted, role, frozen) = (me.wanted, me.role, me.frozen);
        if me.handler.is_some_and(|handler| handler.promotes) {
            return Task::Idle;
        }
        if role == Role::Primary && !wanted && !frozen && me.pending.is_empty() {
            self.note(|| format!("h{host} demotes"));
            self.hosts[host].role = Role::Secondary;
            return Task::Idle;
        }
        let Some(index) = self.read(host) else {
            return Task::Idle;
        };
        let state = &self.raft.history[index];
        match (role, wanted) {
            (Role::Secondary, true) => return Task::Acquire(index),
            (Role::Secondary, false) if state.lease.holder.as_deref() == Some(NAMES[host]) => {
                return Task::Release(index);
            }
            // One that went on through a `recover`, or while another held it for a moment.
            (Role::Primary, _)
                if state.lease.epoch != self.raft.epoch || state.lease.holder.is_none() =>
            {
                return Task::Acquire(index);
            }
            _ => {}
        }
        match self.fault {
            Some(Fault::SeenBeforeRead | Fault::BlindAdmission)
                if self.view(host).link != Link::Cut && self.filling.is_none() =>
            {
                Task::SeenComplete
            }
            _ => Task::Admit(index),
        }
    }

    fn acquire(&mut self, host: usize, index: usize) -> Task {
        let view = self.view(host);
        let state = self.raft.history[index].clone();
        let mut next = acquire(&state, &view);
        if self.fault == Some(Fault::StalePromoted) && next.is_err() {
            next = Ok(state.changed(|next| next.lease.holder = Some(NAMES[host].to_owned())));
        }
        match next {
            Ok(next) => {
                if state.lease.holder.as_deref() == Some(NAMES[1 - host]) {
                    self.takeovers += 1;
                }
                self.note(|| format!("h{host} asks for the volume at {index}"));
                Task::Acquiring(self.ask(host, index, next, false))
            }
            Err(_) => Task::Idle,
        }
    }

    fn admit(&mut self, host: usize, index: usize) -> Task {
        let view = self.view(host);
        match admit(&self.raft.history[index], &view) {
            Some(next) => {
                self.note(|| format!("h{host} admits its peer at {index}"));
                Task::Admitting(self.ask(host, index, next, false))
            }
            None => Task::Idle,
        }
    }

    /// The admission of a broken hived: it saw both complete, some time ago.
    fn admit_blindly(&mut self, host: usize, index: usize) -> Task {
        let mut view = self.view(host);
        view.link = Link::Connected {
            primary: false,
            up_to_date: true,
        };
        let blind = self.fault == Some(Fault::BlindAdmission);
        match admit(&self.raft.history[index], &view) {
            Some(next) => Task::Admitting(self.ask(host, index, next, blind)),
            None => Task::Idle,
        }
    }

    fn release(&mut self, host: usize, index: usize) -> Task {
        if self.hosts[host].role == Role::Primary {
            return Task::Idle;
        }
        match release(&self.raft.history[index], NAMES[host]) {
            Some(next) => Task::Releasing(self.ask(host, index, next, false)),
            None => Task::Idle,
        }
    }

    /// The handler outlives hived; it asks until there is an answer.
    pub fn handler_step(&mut self, host: usize) {
        let Some(handler) = self.hosts[host].handler else {
            return;
        };
        if self.fault == Some(Fault::FencedUnasked) {
            self.handler_says(host, true);
            return;
        }
        if handler.ticket.is_some() {
            if self.random.chance(200) {
                self.set_ticket(host, None);
            }
            return;
        }
        let Some(index) = self.read(host) else { return };
        let epoch = self.view(host).epoch;
        let refused = self.hosts[host].refused;
        let state = self.raft.history[index].clone();
        match fence(&state, NAMES[host], epoch) {
            Ok(next) => {
                self.note(|| format!("h{host} fences at {index}"));
                let ticket = self.ask(host, index, next, false);
                self.set_ticket(host, Some(ticket));
            }
            Err(_) if handler.promotes => self.handler_says(host, false),
            Err(_) if overtaken(self.raft.newest(), NAMES[host], epoch, refused) => {
                // Connected again in the meantime? Then DRBD has sorted it out.
                match self.hosts[host].frozen {
                    true => self.power_off(host),
                    false => self.hosts[host].handler = None,
                }
            }
            Err(_) => {}
        }
    }

    fn set_ticket(&mut self, host: usize, ticket: Option<u64>) {
        if let Some(handler) = &mut self.hosts[host].handler {
            handler.ticket = ticket;
        }
    }

    fn handler_says(&mut self, host: usize, fenced: bool) {
        let Some(handler) = self.hosts[host].handler.take() else {
            return;
        };
        // DRBD's own check: an answer from before another connection counts for nothing.
        let same = self.hosts[host].connects == handler.connects;
        self.note(|| format!("handler on h{host}: fenced {fenced}, counts {same}"));
        if !fenced || !same {
            return;
        }
        self.alone(host);
        if handler.promotes {
            self.is_primary(host);
        } else {
            for write in std::mem::take(&mut self.hosts[host].pending) {
                self.acknowledge(host, write);
            }
        }
    }

    /// A change arrives, in any order; its answer may be lost.
    pub fn raft_step(&mut self) {
        if self.raft.queue.is_empty() {
            return;
        }
        let change = self
            .raft
            .queue
            .swap_remove(self.random.index(self.raft.queue.len()));
        let applied = self.raft.apply(&change);
        let index = self.raft.history.len() - 1;
        self.note(|| {
            format!(
                "change of h{} at {}: {applied}, now {index} {:?}",
                change.host, change.expected, change.state.lease
            )
        });
        let host = change.host;
        let me = &self.hosts[host];
        if !me.up || !me.reaches_raft || (!self.calm && self.random.chance(100)) {
            return;
        }
        if me.handler.is_some_and(|h| h.ticket == Some(change.ticket)) {
            self.set_ticket(host, None);
            if applied {
                self.handler_says(host, true);
            }
            return;
        }
        let mine = match me.task {
            Task::Acquiring(ticket) | Task::Releasing(ticket) | Task::Admitting(ticket) => {
                ticket == change.ticket
            }
            _ => false,
        };
        if !mine {
            return;
        }
        let promotes = matches!(self.hosts[host].task, Task::Acquiring(_));
        self.hosts[host].task = Task::Idle;
        if applied && promotes && self.hosts[host].role == Role::Secondary && !self.promote(host) {
            self.note(|| format!("h{host} can't be promoted"));
            self.hosts[host].wanted = false;
        }
    }
}
