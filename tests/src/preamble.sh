# What the boxes' scripts have in common. SLOW is how many times slower this computer is than a quick one.
set -eu
fail() { echo "$*" >&2; exit 1; }
# within SECONDS COMMAND...: until it succeeds; a try keeps an emulated host busy, so a pause is as long
within() {
    local s=$1 end=$((EPOCHSECONDS + $1 * SLOW)) tried; shift
    while tried=$EPOCHSECONDS; ! "$@"; do
        [ $EPOCHSECONDS -lt $end ] || fail "not within $s s: $* $(docker service ps --no-trunc --format '{{.Name}} {{.Node}} {{.CurrentState}} {{.Error}}' ${2-} 2>/dev/null | head -8)"
        tried=$((EPOCHSECONDS - tried)); sleep $((tried > 1 ? tried : 1))
    done
}
# refuses WORDS COMMAND...: fails, with these words
refuses() { words=$1; shift; if out=$("$@" 2>&1); then fail "was not refused: $*"; fi; has "$words" "$out"; }
has() { case "$2" in *"$1"*) ;; *) fail "no '$1' in: $2" ;; esac; }
lacks() { case "$2" in *"$1"*) fail "'$1' in: $2" ;; esac; }
same() { [ "$1" = "$2" ] || fail "expected '$1', got '$2'"; }
tasks() { docker service ps -f desired-state=running --format '{{.Node}} {{.CurrentState}}' "$1" 2>/dev/null; }
# runs SERVICE COUNT: exactly so many tasks are wanted, and all run
runs() { [ "$(tasks "$1" | awk '{print $2}' | xargs)" = "$(yes Running | head -n "$2" | xargs)" ]; }
nodes_of() { tasks "$1" | awk '{print $1}' | sort | xargs; }
create() { docker service create -d -q --no-resolve-image --stop-grace-period 1s "$@" >/dev/null; }
update() { docker service update -d -q --no-resolve-image "$@" >/dev/null; }
ready() { create --name "$@"; }
gone() { docker service rm "$@" >/dev/null; }
spec() { docker service inspect --format "{{json .Spec}}" "$1"; }
# page URL: what is there
page() { curl -s --max-time 5 "http://$1"; }
answers() { page "$1" >/dev/null; }
says() { case "$(page "$1")" in *"$2"*) ;; *) return 1 ;; esac; }
# container SERVICE: one of this host's
container() { docker ps -q -f "label=com.docker.swarm.service.name=$1" | head -n 1; }
# inside SERVICE COMMAND...: in a container of this host
inside() { id=$(container "$1"); shift; docker exec "$id" "$@" </dev/null; }
