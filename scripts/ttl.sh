#!/usr/bin/env bash
# How far a question goes: reach against TTL.
#
#   scripts/ttl.sh [SIZE]              so many servents, 60 if nothing is said
#
# What to see: each link more reaches about three times as many, as long as there are new ones; then
# the network is used up, and what is added are copies for those who have one.
. "$(dirname "$0")/lesson"
size=${1:-60}

say "$size servents with 4 neighbours each; one asks, with higher and higher TTL"
filbert cluster up -n "$size" --topology random:4 >/dev/null
before=0
for ttl in 1 2 3 4 5 6 7; do
    trace "anything" --ttl "$ttl"
    reached=$(total reached)
    printf 'TTL %d %4d reached, %4d copies  %s\n' \
        "$ttl" "$reached" "$(total copies)" "$(bar $((reached * 50 / size)))"
    [ "$ttl" -gt 1 ] || [ "$reached" -eq 4 ] || fail "TTL 1 reaches the 4 neighbours"
    [ "$reached" -ge "$before" ] || fail "a higher TTL reached fewer"
    before=$reached
done
[ "$before" -ge $((size * 9 / 10)) ] || fail "seven links do not reach everybody"
say "Nobody knows how large the network is; whoever asks chooses how far is far enough"
