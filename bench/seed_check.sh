#!/usr/bin/env bash
# The kind of script that anchorwatch grew out of, kept to measure against: for each host, the container names that the
# Compose files of a repo declare, beside the names that `docker ps` shows over ssh. It sees names and nothing else.
#
#   REPO=/srv/homelab-ops HOSTS="proxmox pi5" SSH_OPTIONS="-F ~/.ssh/config" bench/seed_check.sh
#
# REPO         folder with one folder of stacks for each host (default: the current one)
# HOSTS        names of the hosts: of their folders in REPO, and for ssh (default: proxmox pi5)
# SSH_OPTIONS  more options for ssh (default: none)
# EXCLUDE      extended regular expression: Compose files whose path matches are left out
# Exit code: 0 in order, 1 drift, 2 a host out of reach.
set -uo pipefail

REPO=${REPO:-.}
HOSTS=${HOSTS:-proxmox pi5}
EXCLUDE=${EXCLUDE:-/pi5-stacks/|/nginx-proxy-manager/}
read -ra SSH_OPTIONS <<< "${SSH_OPTIONS:-}"

missing=0 unmanaged=0 unreachable=0

for host in $HOSTS; do
    echo "== $host"
    if ! running=$(ssh "${SSH_OPTIONS[@]}" "$host" "docker ps --format '{{.Names}}'" | sort); then
        echo "  ! no answer"
        unreachable=$((unreachable + 1))
        continue
    fi
    declared=$(find "$REPO/$host" -name docker-compose.yml -o -name compose.yml | grep -Ev "$EXCLUDE" \
        | xargs grep -h 'container_name:' | sed -E 's/.*container_name:[[:space:]]*//; s/["'\'']//g' | sort)

    while read -r name; do
        if grep -qxF "$name" <<< "$running"; then
            echo "  ✓ $name"
        else
            echo "  ✗ $name: in the repo, not running"
            missing=$((missing + 1))
        fi
    done <<< "$declared"

    while read -r name; do
        if [ -n "$name" ] && ! grep -qxF "$name" <<< "$declared"; then
            echo "  ✗ $name: running, not in the repo"
            unmanaged=$((unmanaged + 1))
        fi
    done <<< "$running"
done

echo
echo "$missing not running, $unmanaged not in the repo, $unreachable hosts without an answer"
[ "$unreachable" -eq 0 ] || exit 2
[ "$((missing + unmanaged))" -eq 0 ] || exit 1
