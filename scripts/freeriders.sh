#!/usr/bin/env bash
# Free riders: few share, all ask.
#
#   scripts/freeriders.sh [SIZE]       so many servents, 30 if nothing is said
#
# What to see: a search costs as much whether many share or few, for everybody passes it on. What it
# finds is another matter. About 70 % of Gnutella's users shared nothing (Adar and Huberman 2000).
. "$(dirname "$0")/lesson"
size=${1:-30}

say "$size servents with 4 neighbours each; three in ten share, a third of them, or all"
# The first copy alone is passed on, so that costs depend on nothing but the network.
filbert cluster up -n "$size" --topology random:4 \
    --set node.forward=first-copy --set node.ttl_and_hops_max="$size" >/dev/null
some=$((size * 3 / 10)) one=$((size / 10))
share "$((size - one))..$((size - 1))" "rare bird.ogg"
share "$((size - some))..$((size - 1))" "known bird.ogg"
share @all "common bird.ogg"

for song in rare known common; do
    trace "$song bird" --ttl "$size"
    eval "answered_$song=$(total answered) copies_$song=$(total copies)"
    printf '%-7s %3d answer, %4d copies  %s\n' \
        "$song" "$(total answered)" "$(total copies)" "$(bar "$(total answered)")"
done
[ "$answered_rare" -eq "$one" ] || fail "$one share the rare song"
[ "$answered_known" -eq "$some" ] || fail "$some share the known song"
[ "$answered_common" -eq $((size - 1)) ] || fail "all share the common song"
[ "$copies_rare" -eq "$copies_common" ] || fail "few answers cost as much as many"
say "The same price for each; those who share answer, and carry the load of all"
