#!/usr/bin/env bash
# The same file in both theatres: the simulator, and real servents.
#
#   scripts/compare.sh [SIZE]          so many servents, 20 if nothing is said
#
# What to see: a scenario says who is there, what happens and what should come of it. Counts that
# follow from the graph alone agree to the last copy; how long things took does not.
. "$(dirname "$0")/lesson"
size=${1:-20}

cat >"$work/scenario.toml" <<END
title = "One question, two theatres"

[network]
topology = "random-regular"
nodes = $size
degree = 4

[node]
ttl = $size                     # never runs out
forward = "first-copy"          # so that the copies can be counted on paper

[[share]]
nodes = "$((size / 2))..$((size - 1))"
files = ["blue train.ogg"]

[[step]]
search = "blue train"
by = 0

[expect]
that = ["messages == 2E - N + 1", "reached == N - 1", "recall == 1"]
END
cat "$work/scenario.toml"
say "Played by the simulator and by $size real servents"
# Exit status 1: something was not as expected, or did not agree though it must.
filbert cluster run "$work/scenario.toml" --compare || fail "see above"
