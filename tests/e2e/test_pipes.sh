#!/bin/bash
# Inputs of latentc that are no files: a pipe is read once and serves as often as a command needs it, or is refused without waiting; a device that
# gives bytes without end is one line.
. "$(dirname "$0")/common.sh"
cd "$work"
dense=$SOURCE_DIR/tests/graphs/dense.json merges=$SOURCE_DIR/graphs/shapes/merges.txt
limited() { timeout 60 "$LATENTC" "$@"; }

# ---- pipes ----
"$LATENTC" show "$dense" >plain
limited show <(cat "$dense") | cmp - plain || fail "a graph from a pipe"
"$LATENTC" compile "$dense" --weights synthetic:1 --emit obj -o plain.o
"$LATENTC" weights convert synthetic:1 "$SOURCE_DIR/tests/data/narrow.json" --to latentc -o own.safetensors 2>/dev/null
limited compile <(cat "$dense") --weights synthetic:1 --emit obj -o pipe.o || fail "compile reads a graph from a pipe"
[[ -s pipe.o ]] || fail "no object"
# With weights a graph file is looked at twice: for its name, and for the graph.
expect 1 '*own.safetensors: * of dense*weights missing*' limited run <(cat "$dense") --weights own.safetensors --inputs own.safetensors --outputs out
[[ $(limited tokens --vocab <(cat "$merges") -p "a red circle") == $("$LATENTC" tokens --vocab "$merges" -p "a red circle") ]] ||
    fail "merges from a pipe"
python3 - <<'END'
import json, struct
h = json.dumps({"x": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}}).encode()
open("x.safetensors", "wb").write(struct.pack("<Q", len(h)) + h + struct.pack("<2f", 1, 2))
END
"$LATENTC" run "$dense" --weights synthetic:1 --inputs x.safetensors --outputs plain.safetensors
limited run "$dense" --weights synthetic:1 --inputs <(cat x.safetensors) --outputs pipe.safetensors
cmp plain.safetensors pipe.safetensors || fail "inputs from a pipe"
mkfifo nobody-writes
for action in list check "convert --to ldm -o out"; do
    # shellcheck disable=SC2086
    expect 1 '*nobody-writes: a pipe or a device, expected a file or a folder of weights, *' limited weights ${action%% *} nobody-writes ${action#"${action%% *}"}
done

# A generator takes pictures, and a compiled graph its inputs, from a pipe.
shapes=$(generator)
draw() { timeout 60 "$shapes" -p "a red circle" --steps 2 --seed 1 "$@" 2>log || fail "$*: $(<log)"; }
draw -o first.png
draw -i first.png --mask first.png -o plain.png
draw -i <(cat first.png) --mask <(cat first.png) -o pipe.png
python3 - <<'END'
import struct, zlib
def pixels(path):
    d, at, z = open(path, "rb").read(), 8, b""
    while at < len(d):
        n, kind = struct.unpack(">I4s", d[at:at + 8])
        z += d[at + 8:at + 8 + n] if kind == b"IDAT" else b""
        at += n + 12
    return zlib.decompress(z)
assert pixels("plain.png") == pixels("pipe.png"), "pictures from pipes"
END
timeout 60 "$shapes" --from-png <(cat first.png) -o again.png 2>log || fail "--from-png from a pipe: $(<log)"
cmp first.png again.png || fail "--from-png from a pipe"
"$LATENTC" compile "$dense" --weights synthetic:1 -o dense
timeout 60 ./dense --inputs <(cat x.safetensors) --outputs compiled.safetensors || fail "a compiled graph reads a pipe"
expect 1 '*/dev/zero: more than 256 MiB come from a pipe or a device' timeout 60 "$shapes" -p x -i /dev/zero -o out.png
expect 1 '*/dev/zero: more than 256 MiB come from a pipe or a device' timeout 60 ./dense --inputs /dev/zero --outputs out
rm -f dense

# ---- bytes without end ----
cp "$dense" dense.json
for command in "show /dev/zero" "build /dev/zero -o out" "bench /dev/zero" "weights fetch --list /dev/zero" \
    "compile dense.json --weights synthetic:1 --tune /dev/zero -o out"; do
    # shellcheck disable=SC2086
    expect 1 '*/dev/zero: has more than 64 MiB, expected a text file' limited $command
done
expect 1 '*/dev/zero:*: more than 16 MiB: this is not a merges file' limited tokens --vocab /dev/zero -p a
expect 1 '*/dev/zero: a pipe or a device, expected a file or a folder of weights, *' limited build "$SOURCE_DIR/graphs/shapes/pipeline.json" --weights /dev/zero -o out
expect 1 '*/dev/zero: more than 256 MiB come, expected a .safetensors file' limited run "$dense" --weights synthetic:1 --inputs /dev/zero --outputs out
expect 1 '*/dev/fd/*: more than 16 MiB: this is not a merges file' limited tokens --vocab <(yes '') -p a
expect 1 '*/dev/zero: longer than * million bytes: expected a prompt per line' timeout 60 "$shapes" --prompts /dev/zero -o 'out-%d.png'
[[ ! -e out && -z $(compgen -G 'out*') ]] || fail "left behind: $(compgen -G 'out*')"
