#!/bin/bash
# `latentc build --emit so|a`: the examples of docs/ draw what the generator draws, from C and from Python, two handles at once; what goes wrong is said.
. "$(dirname "$0")/common.sh"
prompt="a red circle on a blue background" examples=$SOURCE_DIR/docs/examples
build() { "$LATENTC" build "$SOURCE_DIR/graphs/shapes/pipeline.json" --quiet "$@" || fail "build $* ended with $?"; }
build -o "$work/shapes"
build --emit so -o "$work/libshapes.so"
build --emit a -o "$work/libshapes.a"
"$work/shapes" -p "$prompt" -s 7 -o "$work/want.png" 2>/dev/null || fail "the generator ended with $?"

# The shared object shows its functions alone, and none that prints or ends the process is reached.
[[ $(nm -D --defined-only "$work/libshapes.so" | awk '{print $3}' | sort | tr '\n' ' ') == \
    "lrt_create lrt_destroy lrt_height lrt_message lrt_picture lrt_run lrt_seed lrt_set lrt_set_prompt lrt_width " ]] ||
    fail "the library exports: $(nm -D --defined-only "$work/libshapes.so")"
[[ -z $(nm -D --undefined-only "$work/libshapes.so" | grep -wE 'exit|_exit|abort|signal|sigaction|printf|puts|putchar|stdout|stderr|omp_set_num_threads') ]] ||
    fail "the library uses: $(nm -D --undefined-only "$work/libshapes.so")"
[[ ! -e $work/libshapes.so.weights && -s $work/libshapes.weights ]] || fail "weights are not where they belong: $(ls "$work")"

cc=${CC:-cc} include=$SOURCE_DIR/runtime/program openmp=-fopenmp
[[ $COMPILER_ID != *Clang ]] || openmp=-l:libomp.so.5 # the OpenMP library of the compiler that built the runtime
"$cc" -Wall -Wextra -Werror "$examples/draw.c" -o "$work/draw" -I "$include" "$work/libshapes.so" || fail "the C example cannot be linked"
"$cc" "$examples/draw.c" -o "$work/draw-a" -I "$include" "$work/libshapes.a" -lpng16 -ljpeg -lz -lpcre2-8 -lutf8proc -lm "$openmp" || fail "the archive cannot be linked"
mkdir "$work/elsewhere"
(cd "$work/elsewhere" && ../draw "$prompt" ../so.ppm) 2>"$work/log" || fail "the C example: $(cat "$work/log")"
"$work/draw-a" "$prompt" "$work/a.ppm" "$work/libshapes.weights" 2>/dev/null || fail "the archive's program ended with $?"
cmp "$work/so.ppm" "$work/a.ppm" || fail "shared object and archive draw different pictures"
[[ $(tr '\r' '\n' <"$work/log" | grep -c '^step [0-9]* of 25$') == 25 ]] || fail "progress: $(cat "$work/log")"

cp "$work/draw-a" "$work/elsewhere"
# What goes wrong: no weights, a prompt that is not text, a cut file.
expect 1 "*$work/elsewhere/draw-a: the weights file $work/elsewhere/libshapes.weights cannot be opened: *" "$work/elsewhere/draw-a" "$prompt" "$work/x.ppm"
expect 1 "prompt: *" "$work/draw" $'\xff' "$work/x.ppm"
head -c 1000000 "$work/libshapes.weights" >"$work/short.weights"
expect 1 "$work/draw-a: the weights file $work/short.weights is truncated *" "$work/draw-a" "$prompt" "$work/x.ppm" "$work/short.weights"
[[ ! -e $work/x.ppm ]] || fail "a picture was written all the same"

python=$(command -v python3) || skip "no python3: the Python example is not tested"
"$python" "$examples/draw.py" "$work/libshapes.so" "$prompt" "$work/py.ppm" 2>/dev/null || fail "the Python example ended with $?"
cmp "$work/so.ppm" "$work/py.ppm" || fail "C and Python draw different pictures"
PYTHONPATH=$examples "$python" - "$work" "$prompt" <<'END' || fail "the library misbehaves, see above"
import sys, threading, zlib
import draw

work, prompt = sys.argv[1:]


def pixels_of_png(path):
    data, at, idat = open(path, "rb").read(), 8, b""
    while at < len(data):
        n, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        if kind == b"IDAT":
            idat += data[at + 8:at + 8 + n]
        at += 12 + n
    raw, stride, out, before = zlib.decompress(idat), 3 * 128, bytearray(), bytearray(3 * 128)
    for y in range(128):
        kind, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride):
            a, b, c = row[x - 3] if x >= 3 else 0, before[x], before[x - 3] if x >= 3 else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            row[x] = (row[x] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
        out += row
        before = row
    return bytes(out)


want = pixels_of_png(work + "/want.png")
library = work + "/libshapes.so"
one, two = draw.Generator(library, threads=1), draw.Generator(library, threads=2)
one.set(seed=7)
two.set(seed=7, steps=25)
got = {}
threads = [threading.Thread(target=lambda g=g, n=n: got.update({n: [g.draw(prompt)[2] for _ in range(2)]})) for n, g in enumerate((one, two))]
[t.start() for t in threads]
[t.join() for t in threads]
assert got == {0: [want] * 2, 1: [want] * 2}, "handles in two threads, with one and two threads of their own, draw other pictures than the generator"

seen = []
assert one.draw(prompt, progress=lambda step, steps: seen.append(step) or step == 3) is None and seen == [1, 2, 3], f"not stopped: {seen}"
assert one.draw(prompt)[2] == want, "after a stop the picture is another"
other = one.draw("a green star")[2]
assert other != want and one.draw(prompt)[2] == want, "the prompt's context is stale"
one.set(cfg_scale=1)
plain = one.draw(prompt)[2]
one.set(cfg_scale=4)
assert plain != want and one.draw(prompt)[2] == want, "guidance is stale"
one.set(guidance_stop=0)
assert one.draw(prompt)[2] == plain, "no step is guided, but the picture is not that of --cfg-scale 1"
one.set(guidance_stop=0.5)
assert one.draw(prompt)[2] not in (plain, want), "half of the steps are guided"
one.set(guidance_start=0.6)
try:
    one.draw(prompt)
    raise SystemExit("guidance_start above guidance_stop: taken")
except RuntimeError as e:
    assert "--guidance-start 0.6 is above --guidance-stop 0.5" in str(e), e
one.set(guidance_start=None, guidance_stop=None)
assert one.draw(prompt)[2] == want, "guidance is stale"


def refused(text, **settings):
    try:
        one.set(**settings)
    except RuntimeError as e:
        assert text in str(e), f"{settings}: {e}"
        return
    raise SystemExit(f"{settings}: taken")


refused("expected an integer from 1 to 1000, found 'many'", steps="many")
refused("did you mean '--steps'", step=3)
refused("expected true or false, found ''", taesd="")
refused("a library cannot set it", output="x.png")
refused("did you mean 'ddim'", sampling_method="dimm")
assert one.draw(prompt)[2] == want, "a setting that was refused changed something"
one.set(cfg_scale=2, sampling_method="relax", alpha=0.3, spacing=None, steps=5, seed=18446744073709551615)
changed = one.draw(prompt)[2]
assert changed != want and one.lib.lrt_seed(one.handle) == 18446744073709551615, "a seed of 64 bits"
one.set(cfg_scale=None, alpha=None, sampling_method=None, steps=None, seed=7, keep_pixels=True)
one.set(keep_pixels=None)
assert one.draw(prompt)[2] == want, "settings are not back at their defaults"
refused("a library cannot set it", output=None)
refused("did you mean '--steps'", step=None)
one.set(seed=-1)
first, seed = one.draw(prompt)[2], one.lib.lrt_seed(one.handle)
one.set(seed=seed)
assert one.draw(prompt)[2] == first, "the random seed does not repeat its picture"
long_prompt = "red " * 100
one.draw(long_prompt)
assert b"more than fit; cut" in one.lib.lrt_message(one.handle), one.lib.lrt_message(one.handle)
one.close()
two.close()
END
