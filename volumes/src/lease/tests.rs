use super::*;
use crate::sample;

const BOTH: Link = Link::Connected {
    primary: false,
    up_to_date: true,
};

fn view(me: &str, link: Link) -> View<'_> {
    View {
        me,
        epoch: 0,
        link,
        up_to_date: true,
        peer_agrees: false,
        holder_down: false,
    }
}

fn state() -> State {
    sample::pair("db", 2).state
}

#[test]
fn each_change_is_a_new_turn_even_if_nothing_else_is_new() {
    let first = acquire(&state(), &view("p-hive0", BOTH)).unwrap();
    assert_eq!(first.lease.holder.as_deref(), Some("p-hive0"));
    let second = acquire(&first, &view("p-hive0", BOTH)).unwrap();
    assert_eq!(second.turn, first.turn + 1);
    assert_eq!(second.lease, first.lease);
    let fenced = fence(&second, "p-hive0", 0).unwrap();
    assert_eq!(fence(&fenced, "p-hive0", 0).unwrap().turn, fenced.turn + 1);
}

#[test]
fn a_copy_that_was_fenced_is_neither_used_nor_fences() {
    let fenced = fence(&state(), "p-hive0", 0).unwrap();
    let mut down = view("p-hive1", Link::Cut);
    down.holder_down = true;
    let refused = acquire(&fenced, &down).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the copy on p-hive1 lacks writes that p-hive0 has; it can be used here when p-hive0 is back and this copy has caught up"
    );
    assert!(overtaken(&fenced, "p-hive1", 0, false));
    assert!(void(&fenced, "p-hive1", 0));
    assert!(!void(&fenced, "p-hive0", 0));
}

#[test]
fn the_holder_keeps_it_until_it_is_down_or_seen_idle() {
    let held = acquire(&state(), &view("p-hive0", BOTH)).unwrap();
    let mut other = view("p-hive1", Link::Cut);
    assert!(matches!(
        acquire(&held, &other).unwrap_err(),
        Refusal::Held { .. }
    ));
    other.holder_down = true;
    assert!(acquire(&held, &other).is_ok());
    assert!(acquire(&held, &view("p-hive1", BOTH)).is_ok());
    let used = Link::Connected {
        primary: true,
        up_to_date: true,
    };
    let refused = acquire(&held, &view("p-hive1", used)).unwrap_err();
    assert_eq!(refused.to_string(), "it is in use on p-hive0");
}

#[test]
fn a_peer_is_admitted_once_and_only_when_complete() {
    let fenced = fence(&state(), "p-hive0", 0).unwrap();
    let syncing = Link::Connected {
        primary: false,
        up_to_date: false,
    };
    assert_eq!(admit(&fenced, &view("p-hive0", syncing)), None);
    assert_eq!(admit(&fenced, &view("p-hive0", Link::Cut)), None);
    assert_eq!(admit(&fenced, &view("p-hive1", BOTH)), None);
    let admitted = admit(&fenced, &view("p-hive0", BOTH)).unwrap();
    assert_eq!(admitted.lease.current.len(), 2);
    assert_eq!(admit(&admitted, &view("p-hive0", BOTH)), None);
}

#[test]
fn only_the_holder_lets_go() {
    let held = acquire(&state(), &view("p-hive0", BOTH)).unwrap();
    assert_eq!(release(&held, "p-hive1"), None);
    let free = release(&held, "p-hive0").unwrap();
    assert_eq!(free.lease.holder, None);
    assert_eq!(release(&free, "p-hive0"), None);
}

#[test]
fn a_record_of_an_earlier_swarm_is_believed_when_both_copies_agree() {
    let held = acquire(&state(), &view("p-hive0", BOTH)).unwrap();
    let mut later = view("p-hive1", Link::Cut);
    (later.epoch, later.holder_down) = (1, true);
    assert_eq!(acquire(&held, &later), Err(Refusal::Forgotten));
    assert_eq!(fence(&held, "p-hive0", 1), Err(Refusal::Forgotten));
    assert!(
        !overtaken(&held, "p-hive1", 1, false),
        "no machine is restarted"
    );
    assert!(overtaken(&held, "p-hive1", 1, true), "DRBD knows better");
    let fenced = fence(&held, "p-hive0", 0).unwrap();
    assert!(!void(&fenced, "p-hive1", 1), "no copy is thrown away");
    later.link = BOTH;
    assert_eq!(acquire(&fenced, &later), Err(Refusal::Forgotten));
    later.peer_agrees = true;
    let renewed = acquire(&fenced, &later).unwrap();
    assert_eq!((renewed.lease.epoch, renewed.lease.current.len()), (1, 2));
}
