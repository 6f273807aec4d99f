#!/bin/bash
# Packed weights in a file of their own: `build --weights-file`, `weights convert --to packed`, which write the same bytes, and what generators say
# when that file is missing, another's or damaged.
. "$(dirname "$0")/common.sh"
pipeline=$SOURCE_DIR/graphs/shapes/pipeline.json plain=$SOURCE_DIR/graphs/shapes/weights.safetensors
cd "$work"
build() { "$LATENTC" build "$pipeline" --quiet "$@" || fail "build $* ended with $?"; }
pack() { "$LATENTC" weights convert "$plain" "$pipeline" --to packed "$@" 2>messages || { cat messages; fail "weights convert $* ended with $?"; }; }
draw() { "$@" 2>messages || { cat messages; fail "the generator failed: $*"; }; }
p=(-p "a red circle" --steps 3 -s 5)

# The same picture from two files as from one, from wherever it is started, and by a link.
draw "$(generator)" "${p[@]}" -o want.png
mkdir bin
build --weights-file bin/shapes.weights -o bin/shapes
(( $(stat -c %s bin/shapes) < 10000000 && $(stat -c %s bin/shapes.weights) > 20000000 )) || fail "sizes: $(ls -l bin)"
draw bin/shapes "${p[@]}" -o a.png
cmp a.png want.png || fail "weights beside the program draw another picture"
ln -s bin/shapes link
draw ./link "${p[@]}" -o a.png
cmp a.png want.png || fail "started by a link"
[[ $(bin/shapes --info) == *"weights       $work/bin/shapes.weights"* ]] || fail "--info: $(bin/shapes --info)"
[[ $("$(generator)" --info) == *"weights       in this file"* ]] || fail "--info of one file: $("$(generator)" --info)"

# convert writes what build writes, with any flags that decide packing; some of them decide differently.
pack -o same.weights
cmp same.weights bin/shapes.weights || fail "weights convert and build write different files"
flags=(--dtype bf16 --sizes 64x64,128x64 --no-init-img --optimize memory --fuse -attention)
build "${flags[@]}" --weights-file bin/bf16.weights -o bin/bf16
pack "${flags[@]}" -o same.weights
cmp same.weights bin/bf16.weights || fail "weights convert and build write different files with ${flags[*]}"
list=$("$LATENTC" weights list same.weights)
for word in 'packed weights' 'picture   64x64, 128x64' '--dtype bf16' '--optimize memory' '--no-init-img' '--fuse -attention' weights.safetensors; do
    [[ $list == *"$word"* ]] || fail "weights list does not say \"$word\": $list"
done
[[ $(bin/bf16 --info) == *"fingerprint   $(sed -n 's/^layout *\([0-9a-f]*\).*/\1/p' <<<"$list")-$(sed -n 's/^numbers *\([0-9a-f]*\).*/\1/p' <<<"$list")"* ]] ||
    fail "fingerprints differ: $list; $(bin/bf16 --info)"
draw bin/bf16 "${p[@]}" --size 128x64 -o a.png

# Panels are the same for every CPU: so are files of one type and one form of convolutions.
for flags in "--dtype f32 --conv up" "--dtype bf16 --conv f23s --set img_height=64 --set img_width=64"; do
    rm -f first.weights
    for target in x86-64-v3 amx-model aarch64; do
        pack $flags --target $target -o target.weights # shellcheck disable=SC2086
        [[ -e first.weights ]] || cp target.weights first.weights
        cmp target.weights first.weights || fail "$flags: other packed weights for $target"
    done
done
# Forms of a file: those that the tile unit would take, which no other target chooses.
"$LATENTC" show "$pipeline" --after algorithm --dtype bf16 --target amx-model >forms.txt || fail "show --after algorithm of a pipeline"
rm first.weights
for target in x86-64-v3 x86-64-v4-bf16 amx-model aarch64; do
    pack --dtype bf16 --forms forms.txt --target $target -o target.weights
    [[ -e first.weights ]] || cp target.weights first.weights
    cmp target.weights first.weights || fail "--forms: other packed weights for $target"
done
pack --dtype bf16 --target x86-64-v3 -o target.weights
cmp -s target.weights first.weights && fail "--forms changes nothing"
build --dtype bf16 --forms forms.txt --weights-file bin/forms.weights -o bin/forms
draw bin/forms "${p[@]}" -o want-forms.png
draw bin/forms "${p[@]}" --weights-file first.weights -o a.png
cmp a.png want-forms.png || fail "weights packed with --forms for another target draw another picture"
pack --target x86-64-v3 --dtype bf16 --conv direct -o v3.weights
build --dtype bf16 --conv direct --weights-file bin/direct.weights -o bin/direct
draw bin/direct "${p[@]}" -o want-direct.png
draw bin/direct "${p[@]}" --weights-file v3.weights -o a.png
cmp a.png want-direct.png || fail "weights packed for another target draw another picture"

# Other weights of the same graphs take their place: what a generator of theirs draws. A program with weights inside takes them too.
"$LATENTC" weights convert synthetic:3 "$pipeline" --to packed -o other.weights 2>/dev/null || fail "synthetic weights"
draw "$(generator --weights synthetic:3)" "${p[@]}" -o want3.png
draw bin/shapes --weights-file other.weights "${p[@]}" -o a.png
cmp a.png want3.png || fail "other weights in place of those that it was built with"
draw "$(generator)" --weights-file other.weights "${p[@]}" -o a.png
cmp a.png want3.png || fail "other weights in place of those inside"

# The layout decides, not the program: one for shorter prompts has the same.
short=$(generator --set max_text_length=16)
draw "$short" "${p[@]}" -o want16.png
draw "$short" --weights-file bin/shapes.weights "${p[@]}" -o a.png
cmp a.png want16.png || fail "weights packed for longer prompts"

# What does not fit is refused, in one line that says how to make what does. A file with a layout of another type, target, size, fusion, or of fewer models.
refused() { expect 1 "shapes: error: the weights file $1 $2; expected what 'latentc weights convert SPEC PIPELINE.json --to packed -o shapes.weights --fuse all --conv auto --target * --dtype f32' makes$3" bin/shapes "${p[@]}" -o no.png "${@:4}"; }
layouts=$("$LATENTC" weights list bin/shapes.weights | sed -n 's/^layout *\([0-9a-f]*\).*/\1/p')
for flags in "--dtype bf16" "--target x86-64" "--sizes 128x128,64x64" "--fuse -attention" --no-init-img "--conv f23"; do
    # shellcheck disable=SC2086
    pack $flags -o unlike.weights
    layouts+=" $("$LATENTC" weights list unlike.weights | sed -n 's/^layout *\([0-9a-f]*\).*/\1/p')"
    refused unlike.weights 'was packed for other code: its layout is *, expected *' '' --weights-file unlike.weights
done
[[ $(tr ' ' '\n' <<<"$layouts" | sort -u | wc -l) == 7 ]] || fail "layouts that should differ: $layouts"
head -c 20000000 bin/shapes.weights >cut.weights
refused cut.weights 'is truncated or was changed: *' '' --weights-file cut.weights
expect 1 'latentc: error: cut.weights: is truncated or was changed: *' "$LATENTC" weights list cut.weights
refused "$plain" 'is a safetensors file, not packed weights' '' --weights-file "$plain"
refused bin 'is not a regular file' '' --weights-file bin
cp bin/shapes.weights altered.weights
byte=$(od -An -tu1 -j 15000000 -N 1 altered.weights)
printf "$(printf '\\x%02x' $((byte ^ 1)))" | dd of=altered.weights bs=1 seek=15000000 conv=notrunc status=none
refused altered.weights 'was changed: its weights differ from those that it was made with' '' --weights-file altered.weights
mv bin/shapes.weights elsewhere.weights
refused "$work/bin/shapes.weights" 'cannot be opened: No such file or directory' '; if it is elsewhere: --weights-file FILE'
[[ ! -e no.png ]] || fail "a picture was written all the same"
[[ $(bin/shapes --info) == *"weights       the weights file $work/bin/shapes.weights cannot be opened"* ]] || fail "--info without weights: $(bin/shapes --info)"
[[ $(bin/shapes -p "a red circle" --print-tokens) == $("$(generator)" -p "a red circle" --print-tokens) ]] || fail "tokens without weights"
draw bin/shapes --weights-file elsewhere.weights "${p[@]}" -o a.png
cmp a.png want.png || fail "weights elsewhere"

# One that is cut while a program runs on it.
cp elsewhere.weights cut.weights
bin/shapes --weights-file cut.weights -p x --steps 1000 -o no.png >messages 2>&1 &
pid=$!
until grep -qs cut.weights /proc/$pid/maps || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
truncate -s 100000 cut.weights
status=0
wait $pid || status=$?
(( status == 1 )) && [[ $(grep -ac 'shapes: error: a file, most likely that of the weights, became shorter' messages) == 1 ]] || fail "cut while in use: $status, $(cat messages)"
[[ -z $(find . -name 'no*') ]] || fail "something was left: $(find . -name 'no*')"

# Packed weights are no checkpoint.
unpacked() { expect 1 "latentc: error: same.weights: packed weights, which only a generator reads; expected the checkpoint that they were made from: *" "$LATENTC" "$@"; }
unpacked weights check same.weights
unpacked weights convert same.weights --to ldm -o no
unpacked weights convert same.weights --to packed -o no
unpacked build "$pipeline" --weights same.weights -o no
unpacked run "$SOURCE_DIR/graphs/sd2/decoder.json" --weights same.weights --inputs no --outputs no
expect 2 'latentc: error: weights convert: --target goes only with --to packed' "$LATENTC" weights convert "$plain" "$pipeline" --to ldm --target host -o no
expect 2 'latentc: error: weights convert: --no-init-img goes only with --to packed' "$LATENTC" weights convert "$plain" "$pipeline" --to ldm --no-init-img -o no
expect 2 "latentc: error: --dtype: unknown 'f16': did you mean 'bf16'?" "$LATENTC" weights convert "$plain" "$pipeline" --to packed --dtype f16 -o no
expect 1 'latentc: error: no: two outputs have this name, or are links to one file' "$LATENTC" build "$pipeline" -o no --weights-file no
expect 1 'latentc: error: nowhere/no.weights: cannot be written: *' "$LATENTC" build "$pipeline" -q -o no --weights-file nowhere/no.weights
[[ -z $(find . -name 'no*') ]] || fail "something was left: $(find . -name 'no*')"

# A checkpoint that changes while it is packed: the packing is held up once its temporary file is there, the checkpoint written to or cut.
"$LATENTC" weights convert "$plain" "$pipeline" --to keras3 -o keras 2>/dev/null || fail "no Keras files"
mkdir changing
while_packing() { # FILE CHANGE...: of the checkpoint in changing/
    local file=$1 pid status=0 tries
    for (( tries = 0; tries < 20; tries++ )); do
        rm -rf changing && mkdir changing
        if [[ $file == *.h5 ]]; then cp keras/*.h5 changing; else cp "$plain" changing; fi
        "$LATENTC" weights convert "changing$([[ $file == *.h5 ]] || echo "/$file")" "$pipeline" --to packed -o no.weights >messages 2>&1 &
        pid=$!
        until compgen -G 'no.weights.tmp.*[0-9]' >/dev/null || ! kill -0 $pid 2>/dev/null; do :; done
        kill -STOP $pid 2>/dev/null || true
        "${@:2}" "changing/$file"
        kill -CONT $pid 2>/dev/null || true
        status=0
        wait $pid || status=$?
        (( status )) && break # else it was over already
        rm -f no.weights
    done
    (( status == 1 )) && [[ $(tr '\r' '\n' <messages | grep -c 'latentc: error: .* while it was read') == 1 ]] ||
        fail "$file, changed while it is packed: exit code $status, $(cat messages)"
    [[ -z $(find . -name 'no*') ]] || fail "something was left: $(find . -name 'no*')"
}
write_one() { printf x | dd of="$1" bs=1 seek=$(($(stat -c %s "$1") - 1)) conv=notrunc status=none; }
cut_half() { truncate -s $(($(stat -c %s "$1") / 2)) "$1"; }
while_packing weights.safetensors write_one
while_packing weights.safetensors cut_half
while_packing diffusion_model.weights.h5 write_one
while_packing decoder.weights.h5 cut_half

# Libraries: a shared object finds the file beside itself, an archive beside the program, which has the vocabulary from there.
build --emit so --weights-file libshapes.weights -o libshapes.so
build --emit a -o libarchive.a
cmp libshapes.weights elsewhere.weights || fail "a shared object's weights differ from a program's"
pack --vocab "$SOURCE_DIR/graphs/shapes/$(sed -n 's/.*"vocab": *"\([^"]*\)".*/\1/p' "$pipeline")" -o same.weights
cmp same.weights libarchive.weights || fail "an archive's weights differ from those of weights convert --vocab"
"${CC:-cc}" "$SOURCE_DIR/docs/examples/draw.c" -o draw -I "$SOURCE_DIR/runtime/program" "$work/libshapes.so"
openmp=-fopenmp
[[ $COMPILER_ID != *Clang ]] || openmp=-l:libomp.so.5 # the OpenMP library of the compiler that built the runtime
"${CC:-cc}" "$SOURCE_DIR/docs/examples/draw.c" -o draw-a -I "$SOURCE_DIR/runtime/program" libarchive.a -lpng16 -ljpeg -lz -lpcre2-8 -lutf8proc -lm "$openmp"
./draw "a red circle" so.ppm 2>/dev/null || fail "the shared object does not find its weights"
./draw-a "a red circle" a.ppm 2>/dev/null || fail "the archive does not find its weights"
cmp so.ppm a.ppm || fail "shared object and archive draw different pictures"
expect 1 '*the weights file elsewhere.weights has no vocabulary either; expected *--vocab *' ./draw-a x no.ppm elsewhere.weights
mv libshapes.weights libarchive.weights bin
for which in draw draw-a; do
    expect 1 "*the weights file $work/lib*.weights cannot be opened: *; if it is elsewhere: the argument \"file\" of lrt_create" "./$which" x no.ppm
done
