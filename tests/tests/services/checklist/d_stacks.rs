//! Stacks, secrets and configs.

use hive_tests::checklist::{How, Item};

use hive_tests::cluster::Cluster;

pub const BOXES: &[Item<Cluster>] = &[
    Item {
        id: "D1",
        name: "a compose file with a site and its database becomes a stack, reached on :8080",
        how: How::Run(deploy),
    },
    Item {
        id: "D2",
        name: "stack ls, ps, services; deployed again, only what changed changes; rm",
        how: How::Run(again),
    },
    Item {
        id: "D3",
        name: "compose without a swarm ignores `deploy`",
        how: How::Skip("docker compose is not on the hosts, and hive does not use it"),
    },
    Item {
        id: "D4",
        name: "secrets: for those granted only, in memory only, encrypted at rest, kept while used",
        how: How::Run(secrets),
    },
    Item {
        id: "D5",
        name: "configs: the same, and renewed under another name",
        how: How::Run(configs),
    },
    Item {
        id: "D6",
        name: "secrets of a stack: from a file, and made by somebody else",
        how: How::Run(stack_secrets),
    },
];

/// Two tiers, as the tutorials' wordpress and mysql: the page is what the database says.
const STACK: &str = r#"
mkdir -p /run/t-stack; cd /run/t-stack
cat >stack.yml <<'YML'
version: "3.8"
services:
  db:
    image: box:1
    environment: {PORT: "3306"}
    networks: [back]
    volumes: [data:/var/lib/data]
    deploy:
      placement: {constraints: [node.role == manager]}
      restart_policy: {condition: on-failure}
  web:
    image: box:1
    build: ./nowhere
    depends_on: [db]
    command: front /db=db:3306
    ports: ["8080:80"]
    networks: [back]
    stop_grace_period: 1s
    deploy:
      replicas: 2
      update_config: {parallelism: 1, delay: 1s, monitor: 1s}
networks:
  back:
volumes:
  data:
YML
deploy() { docker stack deploy --detach=true --resolve-image never -c ${1:-stack.yml} t-stack 2>&1; }
clean() { docker stack rm t-stack >/dev/null 2>&1; within 60 sh -c '[ -z "$(docker network ls -q -f name=t-stack_)" ]'; }
"#;

fn deploy(c: &Cluster) {
    c.sh(
        "p-hive0",
        &format!(
            r#"{STACK}
said=$(deploy)
has "Ignoring unsupported options: build" "$said"
within 60 runs t-stack_db 1; within 60 runs t-stack_web 2
for a in 192.168.77.4 192.168.77.5 192.168.77.6; do within 20 says $a:8080/db/version one; done
has '"Parallelism":1,"Delay":1000000000' "$(spec t-stack_web)"
has t-stack_back "$(docker network ls --format '{{{{.Name}}}}')"
has t-stack_data "$(docker service inspect --format '{{{{(index .Spec.TaskTemplate.ContainerSpec.Mounts 0).Source}}}}' t-stack_db)"
"#
        ),
    );
}

fn again(c: &Cluster) {
    c.sh(
        "p-hive0",
        &format!(
            r#"{STACK}
deploy >/dev/null
within 60 runs t-stack_db 1; within 60 runs t-stack_web 2
has "t-stack 2" "$(docker stack ls --format '{{{{.Name}}}} {{{{.Services}}}}')"
same 3 "$(docker stack ps -q t-stack | wc -l)"
same "t-stack_db t-stack_web" "$(docker stack services --format '{{{{.Name}}}}' t-stack | sort | xargs)"
version() {{ docker service inspect --format '{{{{.Version.Index}}}}' $1; }}
ids() {{ docker service ps -q -f desired-state=running $1 | sort | xargs; }}
db=$(ids t-stack_db); web=$(ids t-stack_web)
sed 's/replicas: 2/replicas: 3/' stack.yml >more.yml
deploy more.yml >/dev/null
within 60 runs t-stack_web 3
same "$db" "$(ids t-stack_db)"
for id in $web; do has $id "$(ids t-stack_web)"; done
clean
docker volume rm t-stack_data >/dev/null 2>&1 || true
same "" "$(docker service ls -q -f name=t-stack)"
"#
        ),
    );
}

fn secrets(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
printf Zanzibar-by-night | docker secret create t-word - >/dev/null
has t-word "$(docker secret ls --format '{{.Name}}')"
lacks Zanzibar "$(docker secret inspect t-word)"
create --name t-may --constraint node.hostname==p-hive0 --secret source=t-word,target=alias,mode=0400,uid=1000 --user 1000 box:1 sleep 1000
create --name t-not --constraint node.hostname==p-hive0 box:1 sleep 1000
within 40 runs t-may 1; within 40 runs t-not 1
same Zanzibar-by-night "$(inside t-may cat /run/secrets/alias)"
same "400 1000" "$(inside t-may stat -c '%a %u' /run/secrets/alias)"
has "/run/secrets/alias tmpfs" "$(inside t-may cat /proc/mounts)"
if inside t-not ls /run/secrets/alias 2>/dev/null; then fail "all see it"; fi
refuses "is in use by the following service: t-may" docker secret rm t-word
# Neither in the managers' log nor anywhere else below docker's folder.
sync
found=$(grep -rla Zanzibar-by-night /var/lib/docker/swarm /var/lib/docker/containers || true)
same "" "$found"
# Another secret under the same file name is the way to a new one.
printf Samarkand-by-day | docker secret create t-word-2 - >/dev/null
update --secret-rm t-word --secret-add source=t-word-2,target=alias t-may
renewed() { [ "$(inside t-may cat /run/secrets/alias 2>/dev/null)" = Samarkand-by-day ]; }
within 40 renewed
docker secret rm t-word >/dev/null
gone t-may t-not
docker secret rm t-word-2 >/dev/null
"#,
    );
}

fn configs(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
echo first | docker config create t-conf-1 - >/dev/null
echo second | docker config create t-conf-2 - >/dev/null
create --name t-conf --config source=t-conf-1,target=/www/conf,mode=0444 --publish 8251:80 box:1
create --name t-bare --publish 8252:80 box:1
within 40 runs t-conf 1; within 40 runs t-bare 1
within 20 says 127.0.0.1:8251/conf first
lacks first "$(page 127.0.0.1:8252/conf)"
refuses "is in use by the following service: t-conf" docker config rm t-conf-1
has '"Data":"Zmlyc3QK"' "$(docker config inspect --format '{{json .Spec}}' t-conf-1)"
update --config-rm t-conf-1 --config-add source=t-conf-2,target=/www/conf t-conf
within 40 says 127.0.0.1:8251/conf second
docker config rm t-conf-1 >/dev/null
gone t-conf t-bare
docker config rm t-conf-2 >/dev/null
"#,
    );
}

fn stack_secrets(c: &Cluster) {
    c.sh(
        "p-hive0",
        r#"
mkdir -p /run/t-stack; cd /run/t-stack
printf of-the-file >word; printf of-others | docker secret create t-theirs - >/dev/null
cat >secret.yml <<'YML'
version: "3.8"
services:
  s:
    image: box:1
    command: sh -c 'cat /run/secrets/* >/www/both; exec serve'
    ports: ["8261:80"]
    stop_grace_period: 1s
    secrets: [word, {source: t-theirs, target: other}]
secrets:
  word: {file: ./word}
  t-theirs: {external: true}
YML
docker stack deploy --detach=true --resolve-image never -c secret.yml t-stack >/dev/null 2>&1
within 60 runs t-stack_s 1
within 20 says 127.0.0.1:8261/both of-the-file
says 127.0.0.1:8261/both of-others
docker stack rm t-stack >/dev/null 2>&1
within 20 sh -c '[ -z "$(docker service ls -q -f name=t-stack)" ]'
lacks t-stack_word "$(docker secret ls --format '{{.Name}}')"
within 20 sh -c 'docker secret rm t-theirs >/dev/null 2>&1'
"#,
    );
}
