#!/bin/bash
# latentc show --memory --format svg: well-formed, every rectangle where the plan put the value, none over another; --threads: the
# simulation of the static assignment.
. "$(dirname "$0")/common.sh"
cd "$work"
small=("$SOURCE_DIR/graphs/sd2/diffusion_model.json" --set img_height=64 --set img_width=64 --set batch=2)

"$LATENTC" show "${small[@]}" --memory >table
"$LATENTC" show "${small[@]}" --memory --format svg >memory.svg
if command -v xmllint >/dev/null; then
    xmllint --noout memory.svg || fail "the picture is not well-formed"
fi
cat >check.awk <<'AWK'
function value(name) { match($0, name "=\"[0-9.]*\""); return substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 3) + 0 }
BEGIN { n = 0 }
/<rect class="value"/ {
    first[n] = value("data-first"); last[n] = value("data-last"); low[n] = value("data-offset"); high[n] = low[n] + value("data-bytes")
    x0[n] = value(" x"); x1[n] = x0[n] + value(" width"); y0[n] = value(" y"); y1[n] = y0[n] + value(" height")
    if (high[n] > top) top = high[n]
    n++
}
END {
    for (i = 0; i < n; i++) {
        if (x1[i] <= x0[i] || last[i] < first[i] || high[i] <= low[i]) { print "an empty rectangle: " i; exit }
        for (k = 0; k < i; k++) {
            if (first[i] <= last[k] && first[k] <= last[i] && low[i] < high[k] && low[k] < high[i]) { print "values " i " and " k " overlap"; exit }
            if (x0[i] + 0.01 < x1[k] && x0[k] + 0.01 < x1[i] && y0[i] + 0.01 < y1[k] && y0[k] + 0.01 < y1[i]) { print "rectangles " i " and " k " overlap"; exit }
        }
    }
    print (n > 100 ? "sound" : "few"), top
}
AWK
read -r said top < <(awk -f check.awk memory.svg)
[[ $said == sound ]] || fail "the picture: $said $top"
arena=$(awk '/^arena  /{print $2}' table)
(( top <= arena && top > arena - 64 )) || fail "the highest value ends at $top, the arena at $arena"
# The check can fail: a value moved onto its neighbour is found.
[[ $(sed 's/data-offset="[1-9][0-9]*"/data-offset="0"/' memory.svg | awk -f check.awk) == *overlap* ]] || fail "the check finds no overlap where there is one"

"$LATENTC" show "${small[@]}" --threads >threads
awk '/^step: /{on = 1} /^all: /{on = 0} on && $1 ~ /^[0-9]+$/ { print $1, $2, $4, $5 }' threads >rows
[[ $(cut -d' ' -f1 rows | tr '\n' ' ') == "1 2 4 8 16 32 64 " ]] || fail "not 1 to 64 threads: $(cat threads)"
awk 'NR == 1 && ($3 != 1 || $4 != 100) { exit 1 } NR > 1 && ($2 > path || $3 > $1 || $2 * $1 < first * 0.999) { exit 1 }
     NR == 1 { first = $2 } { path = $2 }' rows || fail "a path that grows, or more than ideal: $(cat rows)"
grep -q '^prompt: .* barriers' threads && grep -q '^time: ' threads && grep -q '^all: ' threads || fail "plans are missing: $(cat threads)"

# One convolution: the table follows from its number of tasks.
"$LATENTC" show "$SOURCE_DIR/tests/graphs/dense.json" --threads >one
awk '/^[a-z]+: [0-9]+ barriers, /{ n = $4; steps = $2 } $1 == 64 && $2 ~ /^[0-9.]+$/ { speedup = $4 }
     END { exit !(steps >= 1 && speedup <= n + 0.01 && speedup <= 64) }' one || fail "dense: $(cat one)"

expect 2 'latentc: error: --format svg goes with --memory*' "$LATENTC" show "${small[@]}" --format svg
expect 2 'latentc: error: --format dot does not go with --memory*' "$LATENTC" show "${small[@]}" --memory --format dot
expect 2 'latentc: error: --memory and --threads: one of them*' "$LATENTC" show "${small[@]}" --memory --threads
