#!/bin/bash
# An installed latentc finds its graphs, by path and by name, its list of published weights, and the runtime; documents and
# examples are installed; `cmake --build --target latentc` alone makes all that links need.
. "$(dirname "$0")/common.sh"
command -v cmake >/dev/null || skip 'no cmake'
cmake --install "$BUILD_DIR" --prefix "$work/p" >"$work/log" 2>&1 || { cat "$work/log"; fail 'cmake --install'; }
cd "$work"
latentc=$work/p/bin/latentc
for graph in sd2/decoder graphs/sd2/decoder.json sd2/decoder.json; do
    "$latentc" show $graph --after lower --memory >shown || fail "installed latentc does not find $graph"
done
for graph in decoder diffusion_model; do
    cmp -s <("$latentc" show sd2/$graph) <("$LATENTC" show "$SOURCE_DIR/graphs/sd2/$graph.json") || fail "another graph was found for $graph"
done
"$latentc" weights check synthetic:1 shapes 2>said || [[ $(<said) == *'there is nothing to check' ]] || fail "shapes is not found: $(<said)"
expect 1 'latentc: error: -o/x: cannot be written: *' "$latentc" build shapes -o -o/x
expect 1 'latentc: error: stable: cannot be read: No such file or directory' "$latentc" build stable -o x
for typed in shape Shapes; do
    expect 1 "latentc: error: $typed: cannot be read: No such file or directory; did you mean 'shapes'?" "$latentc" build $typed -o x
done
[[ $("$latentc" weights fetch) == *keras-sd2.1* ]] || fail 'published.json is not found'
# A file of that name in this folder comes first, a folder does not.
mkdir sd2
"$latentc" show sd2/decoder >shown
cp "$SOURCE_DIR/tests/error/graph/empty.json" decoder
expect 1 'latentc: error: decoder:1:1: *' "$latentc" show decoder
# Nor does a program, such as the generator that was built with that name.
cp "$latentc" shapes
expect 1 'latentc: error: -o/x: cannot be written: *' "$latentc" build shapes -o -o/x
"$latentc" build shapes -o shapes --sizes 64x64 -q 2>said || fail "build shapes -o shapes over a program: $(<said)"
./shapes --help | grep -q '^Defaults:' || fail 'shapes is no generator'
rm shapes
for kind in exe so obj; do "$latentc" compile "$SOURCE_DIR/tests/graphs/dense.json" --weights synthetic:1 --emit $kind -o dense.$kind || fail "--emit $kind"; done
for file in README.md docs/generator.md docs/examples/draw.c docs/examples/draw.py; do
    [[ -s p/share/doc/latentc/$file ]] || fail "$file is not installed"
done
[[ -s p/share/man/man1/latentc.1 && -s p/lib/latentc/library_entry.o && -s p/lib/latentc/liblatentrt.a ]] || fail 'page or runtime is not installed'
[[ ! -e $BUILD_DIR/build.ninja ]] || ! command -v ninja >/dev/null ||
    for entry in generator_entry graph_main library_entry; do
        grep -q "lib/$entry.o" <<<"$(ninja -C "$BUILD_DIR" -t commands latentc)" || fail "latentc does not depend on lib/$entry.o"
    done
