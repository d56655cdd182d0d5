//! Services and their tasks.

use hive_tests::checklist::{How, Item};

use hive_tests::cluster::Cluster;

pub const BOXES: &[Item<Cluster>] = &[
    Item {
        id: "B1",
        name: "every option of a new service reaches its container",
        how: How::Run(options),
    },
    Item {
        id: "B2",
        name: "ls, ps with filters, inspect, logs, rm",
        how: How::Run(looks),
    },
    Item {
        id: "B3",
        name: "replicated with more tasks than hosts, and global",
        how: How::Run(modes),
    },
    Item {
        id: "B4",
        name: "scale up and down",
        how: How::Run(scale),
    },
    Item {
        id: "B5",
        name: "constraints by role, host name and label; spread by label",
        how: How::Run(placement),
    },
    Item {
        id: "B5e",
        name: "constraints by an engine's label",
        how: How::Skip(
            "engine labels stand in the daemon's configuration, which is sealed into the image; hive's labels are the nodes'",
        ),
    },
    Item {
        id: "B6",
        name: "update of image, environment and ports; update by force",
        how: How::Run(updates),
    },
    Item {
        id: "B7",
        name: "rolling update with delay and parallelism, started first, undone when it fails",
        how: How::Run(rolling),
    },
    Item {
        id: "B8",
        name: "rollback; twice is the newer definition again",
        how: How::Run(rollback),
    },
    Item {
        id: "B9",
        name: "restart policy",
        how: How::Run(restarts),
    },
    Item {
        id: "B10",
        name: "tasks of a failed host start elsewhere; it gets none back before an update by force",
        how: How::Run(failed_host),
    },
    Item {
        id: "B11",
        name: "an update that names no number of replicas keeps it",
        how: How::Run(replicas_kept),
    },
    Item {
        id: "B12",
        name: "virtual address and DNS round robin, across hosts",
        how: How::Run(endpoints),
    },
    Item {
        id: "B13",
        name: "an image that is nowhere is told with the host",
        how: How::Run(no_image),
    },
    Item {
        id: "B13r",
        name: "pull with a registry's credentials",
        how: How::Skip(
            "no registry can be reached from the machines; deploy/tests has one with a password",
        ),
    },
];

fn options(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
create --name t-all --constraint node.hostname==p-hive0 --env A=1 --env "B=two words" \
  --mount type=tmpfs,dst=/scratch --mount type=volume,src=t-data,dst=/data --mount type=bind,src=/etc,dst=/host-etc,ro \
  --hostname "all-{{.Task.Slot}}" --dns 192.0.2.53 --dns-search example.org --dns-option ndots:2 --host other:192.0.2.7 \
  --user 1000:1000 --workdir /tmp --cap-add NET_ADMIN --cap-drop CHOWN --sysctl net.ipv4.ip_unprivileged_port_start=0 \
  --limit-memory 64m --limit-cpu 0.5 --limit-pids 50 --reserve-memory 16m --stop-grace-period 2s --ulimit nofile=100:200 \
  --health-cmd "wget -qO- http://127.0.0.1/" --health-interval 3s --health-timeout 20s --init --read-only --label mine=yes --container-label inner=yes box:1
within 60 runs t-all 1
id=$(container t-all)
all=$(docker inspect --format '{{json .Config}} {{json .HostConfig}} {{.State.Health.Status}}' $id)
for word in '"A=1"' '"B=two words"' '"Dns":["192.0.2.53"]' '"DnsSearch":["example.org"]' '"ndots:2"' '"CapAdd":["CAP_NET_ADMIN"]' '"CapDrop":["CAP_CHOWN"]' '"Init":true' '"inner":"yes"' ' healthy'; do has "$word" "$all"; done
told=$(docker exec $id sh -c 'echo "ids $(id -u) $(id -g) $PWD"; echo "name $(hostname)"; echo "port $(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)"
echo "limits $(cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max | xargs) files $(ulimit -Sn) $(ulimit -Hn)"
cat /etc/hosts /host-etc/hostname; grep /scratch /proc/mounts; touch /host-etc/x /x 2>&1; tr "\0" " " </proc/1/cmdline' </dev/null)
for word in "ids 1000 1000 /tmp" "name all-1" "port 0" "limits 67108864 50 50000 100000 files 100 200" 192.0.2.7 p-hive0 "/scratch tmpfs" "/host-etc/x: Read-only" "/x: Read-only" docker-init; do has "$word" "$told"; done
all=$(spec t-all)
has '"mine":"yes"' "$all"; has '"StopGracePeriod":2000000000' "$all"; has '"MemoryBytes":16777216' "$all"
gone t-all
within 20 sh -c '[ -z "$(docker ps -aqf label=com.docker.swarm.service.name=t-all)" ]'
docker volume rm t-data >/dev/null
"#,
    );
}

fn looks(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
create --name t-talk --replicas 3 box:1 sh -c "echo a word from a task; exec serve"
within 40 runs t-talk 3
same "t-talk replicated 3/3 box:1" "$(docker service ls -f name=t-talk --format '{{.Name}} {{.Mode}} {{.Replicas}} {{.Image}}')"
same 3 "$(docker service ps -q t-talk | wc -l)"
same 1 "$(docker service ps -q -f node=p-hive1 t-talk | wc -l)"
id=$(docker service ps -q -f name=t-talk.2 t-talk)
has $id "$(docker service ps --no-trunc t-talk)"
has "Service Mode:" "$(docker service inspect --pretty t-talk | tr '\t' ' ')"
within 20 sh -c '[ "$(docker service logs t-talk 2>&1 | grep -c "a word from a task")" = 3 ]'
gone t-talk
refuses "no such service" docker service ps t-talk
"#,
    );
}

fn modes(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
create --name t-many --replicas 7 box:1 sleep 1000
create --name t-each --mode global box:1 sleep 1000
within 90 runs t-many 7
within 40 runs t-each 3
same "p-hive0 p-hive1 p-hive2" "$(nodes_of t-each)"
same "p-hive0 p-hive1 p-hive2" "$(nodes_of t-many | tr ' ' '\n' | uniq | xargs)"
refuses "scale can only be used with replicated" docker service scale t-each=2
gone t-many t-each
"#,
    );
}

fn scale(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
create --name t-web box:1
within 30 runs t-web 1
docker service scale -d t-web=4 >/dev/null
within 40 runs t-web 4
docker service scale -d t-web=2 >/dev/null
within 40 runs t-web 2
gone t-web
"#,
    );
}

fn placement(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
docker node update --label-add t-disk=true --label-add t-rack=a p-hive1 >/dev/null
docker node update --label-add t-rack=a p-hive0 >/dev/null
docker node update --label-add t-rack=b p-hive2 >/dev/null
create --name t-role --replicas 1 --constraint node.role==manager box:1
create --name t-host --replicas 2 --constraint node.hostname==p-hive2 box:1
create --name t-other --replicas 2 --constraint node.hostname!=p-hive2 box:1
create --name t-label --replicas 2 --constraint node.labels.t-disk==true box:1
create --name t-spread --replicas 4 --placement-pref spread=node.labels.t-rack box:1
create --name t-none --constraint node.labels.t-disk==false box:1
within 60 runs t-role 1
within 30 runs t-host 2; same "p-hive2 p-hive2" "$(nodes_of t-host)"
within 30 runs t-other 2; lacks p-hive2 "$(nodes_of t-other)"
within 30 runs t-label 2; same "p-hive1 p-hive1" "$(nodes_of t-label)"
within 60 runs t-spread 4; same 2 "$(nodes_of t-spread | tr ' ' '\n' | grep -c p-hive2)"
within 10 eval 'has "no suitable node (scheduling constraints not satisfied" "$(docker service ps --no-trunc --format "{{.Error}}" t-none)"'
# What is there when a label goes has to move.
docker node update --label-rm t-disk p-hive1 >/dev/null
docker node update --label-add t-disk=true p-hive0 >/dev/null
moved() { [ "$(nodes_of t-label)" = "p-hive0 p-hive0" ]; }
within 30 moved
gone t-role t-host t-other t-label t-spread t-none
docker node update --label-rm t-disk --label-rm t-rack p-hive0 >/dev/null
docker node update --label-rm t-rack p-hive1 >/dev/null
docker node update --label-rm t-rack p-hive2 >/dev/null
"#,
    );
}

fn updates(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
create --name t-up --replicas 2 --env WORD=old --publish 8201:80 box:1
within 40 runs t-up 2
within 20 says 127.0.0.1:8201/version one
before=$(docker service ps -q -f desired-state=running t-up | sort)
update --image box:2 --env-add WORD=new --publish-rm 80 --publish-add 8202:80 t-up
within 60 says 127.0.0.1:8202/version two
within 30 runs t-up 2
if answers 127.0.0.1:8201/; then fail "8201 still answers"; fi
has '"WORD=new"' "$(spec t-up)"
old=$(docker service ps -q -f desired-state=running t-up | sort)
[ "$before" != "$old" ] || fail "the same tasks"
update --force t-up
other() { [ -z "$(comm -12 <(echo "$old") <(docker service ps -q -f desired-state=running t-up | sort))" ]; }
within 60 other
within 30 runs t-up 2
gone t-up
"#,
    );
}

fn rolling(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
create --name t-roll --replicas 3 --update-delay 5s --update-parallelism 1 --update-order start-first \
  --update-failure-action rollback --update-monitor 3s --rollback-monitor 2s --rollback-parallelism 0 box:1
within 40 runs t-roll 3
state() { docker service inspect --format '{{.UpdateStatus.State}}' t-roll; }
reached() { [ "$(state)" = $1 ]; }
update --image box:2 t-roll
within 90 reached completed
# Their starts lie at least the delay apart.
docker inspect --format '{{.Spec.ContainerSpec.Image}} {{.Status.Timestamp}}' $(docker service ps -q -f desired-state=running t-roll) >/tmp/t-roll
same 3 "$(grep -c ^box:2 /tmp/t-roll)"
times=$(awk '{print $2, $3}' /tmp/t-roll | sort | while read t; do date -ud "$t" +%s; done | xargs)
set -- $times
[ $(($2 - $1)) -ge 5 ] && [ $(($3 - $2)) -ge 5 ] || fail "no delay between $times"
rm /tmp/t-roll
update --args false t-roll
within 90 reached rollback_completed
within 40 runs t-roll 3
lacks '"Args":["false"]' "$(spec t-roll)"
gone t-roll
"#,
    );
}

fn rollback(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
create --name t-back --update-monitor 1s --rollback-monitor 1s box:1
within 40 runs t-back 1
update --image box:2 t-back
is() { [ "$(docker service ps -f desired-state=running --format '{{.Image}}' t-back)" = $1 ] && runs t-back 1; }
within 40 is box:2
docker service rollback -d t-back >/dev/null
within 40 is box:1
docker service rollback -d t-back >/dev/null
within 40 is box:2
gone t-back
"#,
    );
}

fn restarts(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
create --name t-never --restart-condition none box:1 sh -c "exit 3"
create --name t-twice --restart-condition on-failure --restart-max-attempts 2 --restart-delay 1s box:1 sh -c "exit 4"
create --name t-fine --restart-condition on-failure --restart-delay 1s box:1 true
create --name t-again --restart-delay 1s --restart-window 60s box:1 true
count() { [ "$(docker service ps -q $1 | wc -l)" -ge $2 ]; }
over() { [ "$(docker service ps --format '{{.CurrentState}}' t-twice | grep -c ^Failed)" = 3 ]; }
within 60 over
within 30 count t-again 3
sleep 3
same 3 "$(docker service ps -q t-twice | wc -l)"
same 1 "$(docker service ps -q t-never | wc -l)"
same 1 "$(docker service ps -q t-fine | wc -l)"
has "non-zero exit (3)" "$(docker service ps --no-trunc --format '{{.Error}}' t-never)"
gone t-never t-twice t-fine t-again
"#,
    );
}

fn failed_host(c: &Cluster) {
    c.sh(
        "p-hive0",
        "create --name t-move --replicas 6 box:1; within 90 runs t-move 6; has p-hive2 \"$(nodes_of t-move)\"",
    );
    c.sh("p-hive2", "systemctl stop hived docker.socket docker");
    c.sh(
        "p-hive0",
        "left() { case \"$(nodes_of t-move)\" in *p-hive2*) return 1;; esac; runs t-move 6; }; within 90 left",
    );
    c.sh("p-hive2", "systemctl start docker hived");
    c.sh(
        "p-hive0",
        r#"
back() { [ "$(docker node ls --format '{{.Status}}' -f name=p-hive2)" = Ready ]; }
within 60 back
sleep 5
lacks p-hive2 "$(nodes_of t-move)"
update --force --update-parallelism 0 t-move
again() { case "$(nodes_of t-move)" in *p-hive2*) runs t-move 6;; *) return 1;; esac; }
within 90 again
gone t-move
"#,
    );
}

fn replicas_kept(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
create --name t-keep --replicas 1 box:1
docker service scale -d t-keep=3 >/dev/null
update --env-add X=1 t-keep
same 3 "$(docker service inspect --format '{{.Spec.Mode.Replicated.Replicas}}' t-keep)"
gone t-keep
"#,
    );
}

fn endpoints(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
docker network create -d overlay t-net >/dev/null
create --name t-vip --replicas 3 --network t-net --env 'TASK={{.Task.Slot}}' box:1
create --name t-rr --replicas 3 --network t-net --endpoint-mode dnsrr --env 'TASK={{.Task.Slot}}' box:1
create --name t-ask --constraint node.hostname==p-hive0 --network t-net box:1
within 60 runs t-vip 3; within 60 runs t-rr 3; within 60 runs t-ask 1
addresses() { inside t-ask nslookup $1 127.0.0.11 2>/dev/null | awk '/^Name/ {n=1} n && /^Address/ {print $NF}' | sort -u; }
vip=$(docker service inspect --format '{{range .Endpoint.VirtualIPs}}{{.Addr}}{{end}}' t-vip)
three() { [ "$(addresses t-rr | wc -l)" = 3 ]; }
within 20 three
same "${vip%/*}" "$(addresses t-vip)"
same 3 "$(addresses tasks.t-vip | wc -l)"
voices() { for i in 1 2 3 4 5 6 7 8 9; do inside t-ask timeout 5 wget -qO- http://$1/cgi-bin/who | cut -d' ' -f1; done | sort -u | xargs; }
same "task=1 task=2 task=3" "$(voices t-vip)"
for a in $(addresses t-rr); do inside t-ask timeout 5 wget -qO- http://$a/cgi-bin/who; done | cut -d' ' -f1 | sort >/tmp/t-rr
same "task=1 task=2 task=3" "$(xargs </tmp/t-rr)"
rm /tmp/t-rr
refuses "" docker service create -d --no-resolve-image --name t-no --endpoint-mode dnsrr --publish 8299:80 box:1
gone t-vip t-rr t-ask
free() { docker network rm t-net >/dev/null 2>&1; }
within 40 free
"#,
    );
}

fn no_image(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
create --name t-absent --constraint node.hostname==p-hive1 --restart-max-attempts 1 localhost:9/absent:1
told() { docker service ps --no-trunc --format '{{.Node}} {{.Error}}' t-absent | grep -q '^p-hive1 .*No such image: localhost:9/absent:1'; }
within 40 told
gone t-absent
"#,
    );
}
