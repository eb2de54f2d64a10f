#!/usr/bin/env bash
# A private PostgreSQL server for tests: its own folder, port and password, and nothing of a server
# that the machine may have.
#
#   postgres.sh start DIR   starts a server, new or stopped before, and prints its URL
#   postgres.sh stop DIR    stops it; what it stores is kept
#   postgres.sh kill DIR    the same with SIGKILL, as when its machine crashes
#   postgres.sh remove DIR  stops it and deletes the folder
#
# Installs PostgreSQL where it is missing, on Debian and Ubuntu and as root. PostgreSQL refuses to
# run as root, so it runs as the user `postgres` then.
set -euo pipefail

fail() {
    echo "postgres.sh: $1" >&2
    exit 1
}

programs() {
    local folder
    for folder in /usr/lib/postgresql/*/bin; do
        if [ -x "$folder/initdb" ]; then
            echo "$folder"
            return
        fi
    done
    dirname "$(command -v initdb || true)"
}

install() {
    [ -x "$(programs)/initdb" ] && return
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
        fail "PostgreSQL is not installed (Debian and Ubuntu: apt-get install postgresql)"
    # The package must not start a server of its own.
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    {
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql
    } >&2
}

as_user() {
    if [ "$(id -u)" = 0 ]; then
        # Not from the current folder, which that user may not enter.
        (cd / && setpriv --reuid=postgres --regid=postgres --init-groups env -u HOME "$@")
    else
        "$@"
    fi
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start() {
    install
    bin=$(programs)
    if [ ! -e "$folder/url" ]; then
        mkdir -p "$folder"
        [ "$(id -u)" = 0 ] && chown postgres: "$folder"
        local password
        password=$(python3 -c 'import secrets; print(secrets.token_hex(16))')
        as_user sh -c 'umask 077; cat >"$1"' sh "$folder/password" <<<"$password"
        as_user "$bin/initdb" --pgdata="$folder/data" --username=kinitro --encoding=UTF8 \
            --auth=scram-sha-256 --pwfile="$folder/password" --locale=C >/dev/null
        as_user sh -c 'cat >>"$1"' sh "$folder/data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
port = $(free_port)
unix_socket_directories = '$folder'
max_connections = 200
END
        local port
        port=$(sed -n 's/^port = //p' "$folder/data/postgresql.conf")
        echo "postgresql://kinitro:$password@127.0.0.1:$port/postgres" |
            as_user sh -c 'cat >"$1"' sh "$folder/url"
    fi
    as_user "$bin/pg_ctl" --pgdata="$folder/data" --log="$folder/log" --wait start >/dev/null ||
        fail "the server does not start: $(tail -n 3 "$folder/log" 2>/dev/null)"
    cat "$folder/url"
}

stop() {
    as_user "$(programs)/pg_ctl" --pgdata="$folder/data" --mode="$1" --wait stop >/dev/null
}

kill_all() {
    local pid
    pid=$(head -n 1 "$folder/data/postmaster.pid")
    # Its children end by themselves once they notice; a new server waits until they have.
    kill -KILL "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
}

[ $# = 2 ] || fail "usage: postgres.sh start|stop|kill|remove DIR"
folder=$(realpath -m "$2")
case $1 in
    start) start ;;
    stop) stop fast ;;
    kill) kill_all ;;
    remove)
        [ -e "$folder/data/postmaster.pid" ] && stop immediate
        rm -rf "$folder"
        ;;
    *) fail "usage: postgres.sh start|stop|kill|remove DIR" ;;
esac
