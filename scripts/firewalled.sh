#!/usr/bin/env bash
# How a file leaves a servent that nobody can connect to: by push.
#
#   scripts/firewalled.sh [SIZE]       so many servents, 10 if nothing is said
#
# What to see: two servents share, both behind firewalls. Searches find them, for queries and hits
# take the links that they made themselves. Whoever wants the file cannot connect to them; so he
# sends a push along the way that the hit came, and they connect to him.
. "$(dirname "$0")/lesson"
size=${1:-10}

# How many pushes a servent got: a line of its status is "push  RECEIVED  SENT".
pushes() {
    filbert cluster exec "$1" -- "$program" status | awk '$1 == "push" { n = $2 } END { print n + 0 }'
}

one=$((size - 1))
other=$((size - 2))

echo "== $size servents in a ring; $other and $one share a file, the same"
# Waiting for a connection that never comes would take ten seconds; two show it as well.
filbert cluster up -n "$size" --topology ring --set node.connect_timeout_s=2
mkdir "$work/shared"
head -c 200000 /dev/urandom >"$work/shared/winter journey.ogg"
filbert cluster share "$other,$one" "$work/shared"

echo "== Both go behind firewalls"
filbert cluster firewall "$other,$one"

echo "== One who is no neighbour of theirs searches, and finds both"
asker=$((size / 2 - 1))
filbert cluster search "$asker" --timeout 3s winter journey || fail "it found nothing"

echo "== ... and downloads; it cannot connect, so it sends a push, and they connect to it"
filbert cluster get "$asker" 1 || fail "the file did not come"

got=$(($(pushes "$one") + $(pushes "$other")))
[ "$got" -ge 1 ] || fail "no push came: it must have got through the firewall"
cmp "$work/shared/winter journey.ogg" \
    "$FILBERT_CLUSTER/nodes/node-$asker/downloads/winter journey.ogg" || fail "another file came"
echo "== $got pushes came to the sharers; the file is the same."
