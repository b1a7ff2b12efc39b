#!/usr/bin/env bash
# Flat, or ultrapeers with leaves: what a question costs.
#
#   scripts/two-tier.sh [SIZE]         so many servents, 40 if nothing is said
#
# What to see: in a flat network everybody gets every question. With two tiers, only ultrapeers pass
# questions on, and they know the words that their leaves share: a leaf gets what it may answer.
. "$(dirname "$0")/lesson"
size=${1:-40}
ultrapeers=$((size / 5 > 4 ? size / 5 : 4))
sharer=$((size - 1))

ask() { # who starts a cluster with "$@", has the last one share, and asks from the one before
    filbert cluster up -n "$size" --topology random:3 "$@" >/dev/null
    share "$sharer" "winter journey.ogg"
    # A leaf tells its ultrapeers what it shares; that takes a moment.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        trace "winter journey" --from $((size - 2))
        [ "$(total answered)" -eq 0 ] || break
        sleep 1
    done
    [ "$(total answered)" -eq 1 ] || fail "the one who shares it did not answer"
    echo "$(total copies) copies, $(total reached) of $((size - 1)) reached, $(total answered) answers"
}

say "$size servents, all alike"
ask --set node.query_ttl_default=7
flat=$(total copies)
filbert cluster down >/dev/null

say "$ultrapeers ultrapeers, $((size - ultrapeers)) leaves"
ask --leaves $((size - ultrapeers))
tiers=$(total copies)
[ "$tiers" -lt "$flat" ] || fail "two tiers do not cost less"
say "The same answer for $tiers copies instead of $flat"
