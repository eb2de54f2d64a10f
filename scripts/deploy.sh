#!/usr/bin/env bash
# Whether what is in docs/deploy, docker-compose.backend.yml and .env.example is sound, as far as it
# can be told without starting anything. Installs what it needs on Debian and Ubuntu and as root; what
# it cannot check it names, and with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

compose_file=docker-compose.backend.yml
units=(docs/deploy/*.service)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
faults=0 left_out=0

fault() {
    echo "error: $1" >&2
    faults=$((faults + 1))
}

not_tested() {
    echo "NOT TESTED: $1"
    left_out=$((left_out + 1))
}

compose() {
    # Without the variables of whoever runs this, and without their .env.
    local run=(docker-compose)
    docker compose version >/dev/null 2>&1 && run=(docker compose)
    env -i PATH="$PATH" HOME="$HOME" "${run[@]}" --env-file "$1" -f "$compose_file" config
}

has_compose() { docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null; }
has_nginx() { command -v nginx >/dev/null; }
has_systemd() { command -v systemd-analyze >/dev/null; }

install_missing() {
    local packages=()
    has_compose || packages+=(docker-compose)
    has_nginx || packages+=(nginx-light)
    has_systemd || packages+=(systemd)
    command -v openssl >/dev/null || packages+=(openssl)
    [ ${#packages[@]} = 0 ] && return
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
    # The packages must not start a server.
    local policy=/usr/sbin/policy-rc.d own=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        own=yes
    fi
    {
        apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive \
                apt-get install -y -qq --no-install-recommends "${packages[@]}"
    } >"$scratch/apt" 2>&1 || tail -n 3 "$scratch/apt" >&2
    [ -z "$own" ] || rm -f "$policy"
}

# The page of the program's variables, which is made from their table, without those that have no
# effect yet.
supported() { sed '/^## Not supported yet/,$d' docs/VARIABLES.md; }

# Every variable that is named anywhere is one that the program reads.
check_names() {
    local name
    # [x] keeps it from matching parts of longer names.
    for name in $(grep -ohE '\b(KINITRO|BT_WALLET|XDG)_[A-Z_]*[A-Z]\b' "$compose_file" .env.example \
        docs/deploy/README.md docs/deploy/Dockerfile docs/deploy/nginx.conf "${units[@]}" | sort -u); do
        # Not ours: the graphics driver keeps its shaders there.
        [ "$name" = XDG_CACHE_HOME ] || grep -q "^| \`$name\` |" <(supported) ||
            fault "$name is no variable of the program: docs/VARIABLES.md does not have it"
    done
}

check_compose() {
    has_compose || {
        not_tested "$compose_file: there is no docker compose"
        return
    }
    # As it comes, it must not start: there is no password.
    local name
    if compose .env.example >"$scratch/config" 2>&1; then
        fault "$compose_file is taken without a password"
    elif ! grep -qE 'set (POSTGRES_PASSWORD|API_KEY|NETUID) in .env' "$scratch/config"; then
        fault "$compose_file does not say which variable is missing: $(tail -n 1 "$scratch/config")"
    fi
    for name in POSTGRES_PASSWORD API_KEY NETUID; do
        sed -E "s/^(POSTGRES_PASSWORD|API_KEY|NETUID)=$/\1=7/; s/^$name=.*//" .env.example \
            >"$scratch/env"
        ! compose "$scratch/env" >/dev/null 2>&1 || fault "$compose_file is taken without $name"
    done
    # With all that can be set, set to something that can be found again.
    sed -nE 's/^#?([A-Z][A-Z_]*)=.*/\1/p' .env.example | sort >"$scratch/names"
    awk '{ print $1 "=" ($1 == "API_PORT" ? 41234 : 51000 + NR) }' "$scratch/names" >"$scratch/env"
    if ! compose "$scratch/env" >"$scratch/config" 2>"$scratch/said"; then
        fault "$compose_file is not taken: $(tail -n 3 "$scratch/said")"
        return
    fi
    while IFS='=' read -r name value; do
        grep -q "$value" "$scratch/config" || fault "$name of .env.example gets nowhere"
    done <"$scratch/env"
    # And what it looks for is in the example.
    for name in $(grep -oE '\$\{[A-Z_]+' "$compose_file" | tr -d '${' | sort -u) \
        $(sed -nE 's/^ +(KINITRO_[A-Z_]+):$/\1/p' "$compose_file"); do
        grep -qx "$name" "$scratch/names" || fault "$name of $compose_file is not in .env.example"
    done
    echo "ok: $compose_file"
}

check_nginx() {
    has_nginx && command -v openssl >/dev/null || {
        not_tested "docs/deploy/nginx.conf: there is no nginx"
        return
    }
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=backend.example.org \
        -keyout "$scratch/key.pem" -out "$scratch/cert.pem" 2>/dev/null
    # With another certificate, and ports that anybody may listen on.
    sed -E "s#/etc/letsencrypt/.*/fullchain.pem#$scratch/cert.pem#
        s#/etc/letsencrypt/.*/privkey.pem#$scratch/key.pem#
        s#^( *listen .*)\b(80|443)\b#\118\2#" docs/deploy/nginx.conf >"$scratch/site.conf"
    [ -e /proc/net/if_inet6 ] || sed -i '/listen \[::\]/d' "$scratch/site.conf"
    local kind
    {
        echo "pid $scratch/nginx.pid; error_log stderr; events {} http { access_log off;"
        for kind in client_body proxy fastcgi uwsgi scgi; do
            echo "${kind}_temp_path $scratch/$kind;"
        done
        echo "include $scratch/site.conf; }"
    } >"$scratch/nginx.conf"
    if nginx -t -q -c "$scratch/nginx.conf" >"$scratch/said" 2>&1 && [ ! -s "$scratch/said" ]; then
        echo "ok: docs/deploy/nginx.conf"
    else
        fault "docs/deploy/nginx.conf is not taken: $(cat "$scratch/said")"
    fi
}

check_units() {
    has_systemd || {
        not_tested "${units[*]}: there is no systemd"
        return
    }
    # verify looks whether the program is there.
    mkdir -p "$scratch/units" "$scratch/bin"
    install -m 755 /bin/true "$scratch/bin/kinitro"
    local unit copy
    for unit in "${units[@]}"; do
        copy="$scratch/units/$(basename "$unit")"
        sed "s#/opt/kinitro/bin/kinitro#$scratch/bin/kinitro#" "$unit" >"$copy"
        grep -q "^ExecStart=$scratch/bin/kinitro " "$copy" || fault "$unit runs another program"
    done
    # Units of this machine may have faults of their own.
    systemd-analyze verify "$scratch"/units/*.service 2>&1 | grep kinitro >"$scratch/said" &&
        fault "units are not sound: $(cat "$scratch/said")"
    for unit in "$scratch"/units/*.service; do
        # From 0, shut in, to 100.
        systemd-analyze security --offline=true --threshold=20 "$unit" >"$scratch/said" 2>&1 ||
            fault "$(basename "$unit") leaves much open: $(tail -n 1 "$scratch/said")"
    done
    [ "$faults" != 0 ] || echo "ok: ${units[*]}"
}

install_missing
check_names
check_compose
check_nginx
check_units

[ "$faults" = 0 ] || exit 1
if [ "$left_out" != 0 ] && [ "${CI:-}" = true ]; then
    echo "error: with CI=true nothing may be left out" >&2
    exit 1
fi
