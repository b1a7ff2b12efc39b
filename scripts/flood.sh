#!/usr/bin/env bash
# A flood and its duplicates.
#
#   scripts/flood.sh [SIZE]            so many servents, 20 if nothing is said
#
# What to see: who asks sends a copy over each link, every other one passes its first copy on over
# each link but the one it came by. E links and N servents make 2E - N + 1 copies; N - 1 of them
# reach somebody new, all others are duplicates, and more links mean more of these.
. "$(dirname "$0")/lesson"
size=${1:-20}

for degree in 2 4 6; do
    say "$size servents with $degree neighbours each: one asks, all are reached"
    # A TTL of the number of servents cannot run out, so each passes on the first copy alone.
    filbert cluster up -n "$size" --topology "random:$degree" \
        --set node.forward=first-copy --set node.ttl_and_hops_max="$size" >/dev/null
    trace "anything" --ttl "$size"
    copies=$(total copies) duplicates=$(total duplicates) links=$(total links)
    echo "$(total reached) reached, $copies copies, $duplicates of them duplicates; E = $links, N = $size"
    [ "$(total reached)" -eq $((size - 1)) ] || fail "not everybody was reached"
    [ "$copies" -eq $((2 * links - size + 1)) ] || fail "2E - N + 1 is $((2 * links - size + 1))"
    [ "$duplicates" -eq $((copies - size + 1)) ] || fail "copies are new or duplicates"
    filbert cluster down >/dev/null
done
say "Always 2E - N + 1. See it copy by copy: filbert cluster trace anything, on a cluster of yours"
