#!/usr/bin/env bash
# Servents die and come back.
#
#   scripts/churn.sh [SIZE]            so many servents, 18 if nothing is said
#
# What to see: every servent shares the same file. When a third of them is killed, a search finds
# about a third less, and nobody had to be told: the links broke. When they start again, all is found.
. "$(dirname "$0")/lesson"
size=${1:-18}
third=$((size / 3))

# How many servents have answered when the network is quiet.
answers() { trace "blue train"; total answered; }

say "$size servents with 6 neighbours each, and all share a song; the first one asks"
filbert cluster up -n "$size" --topology random:6 --set node.query_ttl_default=7 >/dev/null
share @all "blue train.ogg"
all=$(answers)
echo "$all answer"
[ "$all" -eq $((size - 1)) ] || fail "$((size - 1)) others share it"

say "The last $third are killed: they say nothing and save nothing"
filbert cluster kill "$((size - third))..$((size - 1))" >/dev/null
few=$(answers)
echo "$few answer"
[ "$few" -le $((all - third)) ] || fail "the dead answered"
[ "$few" -ge 1 ] || fail "the others are a network, too"

say "They start again; their links stand again, too"
filbert cluster start @all >/dev/null
again=$(answers)
echo "$again answer"
[ "$again" -eq "$all" ] || fail "not all came back"
