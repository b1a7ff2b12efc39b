#!/usr/bin/env bash
# A network falls into two halves and comes together again.
#
#   scripts/partition.sh [SIZE]        so many servents, 20 if nothing is said
#
# What to see: while nothing gets through between the halves, nobody hears of it. Links look as if
# they stood, searches just find less. When the line is mended, what was held up follows, and what
# can be found is all that there is.
. "$(dirname "$0")/lesson"
size=${1:-20}
half=$((size / 2))

echo "== $size servents, everybody with six neighbours"
filbert cluster up -n "$size" --topology random:6

echo "== The last one shares a poem"
mkdir "$work/poems"
echo "aurora over a quiet fjord" >"$work/poems/northern lights.txt"
filbert cluster share $((size - 1)) "$work/poems"

echo "== The first one finds it"
filbert cluster search 0 --max 1 --timeout 5s northern lights || fail "it found nothing"

echo "== The line between the halves breaks: 0..$((half - 1)) on one side, the others on the other"
filbert cluster partition "0..$((half - 1))"

echo "== The first one searches again, and finds nothing; those on the other side still do"
# The exit status of a search that finds nothing is 1.
filbert cluster search 0 --timeout 3s northern lights && fail "it crossed the broken line"
filbert cluster search "$half" --max 1 --timeout 5s northern lights ||
    fail "a whole half is a network, too"

echo "== The line is mended"
filbert cluster heal
filbert cluster search 0 --max 1 --timeout 5s northern lights || fail "it did not heal"
echo "== Together again."
