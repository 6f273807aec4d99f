#!/bin/bash
# Keras .h5: graphs/shapes, written in both layouts, gives the same weights and the same picture as from safetensors: from a folder, from single files, by a
# published name in one command; and what is wrong with such files is said in one line. In the long tier Keras itself writes and reads (tests/tools/keras_h5.py).
. "$(dirname "$0")/common.sh"
shapes=$SOURCE_DIR/graphs/shapes pipeline=$SOURCE_DIR/graphs/shapes/pipeline.json
cd "$work"
numbers() { tail -c +"$(($(od -An -tu8 -N8 "$1") + 9))" "$1"; } # what follows the header, which has settings
convert() { "$LATENTC" weights convert "$@" 2>log || fail "convert $*: $(<log)"; }
convert "$shapes/weights.safetensors" "$pipeline" --to latentc -o own.safetensors
for form in keras keras3; do
    convert own.safetensors "$pipeline" --to $form -o $form
    convert $form "$pipeline" --to latentc -o back.safetensors
    cmp <(numbers own.safetensors) <(numbers back.safetensors) || fail "$form and back"
    "$LATENTC" weights check $form "$pipeline" >said || fail "check $form: $(<said)"
    [[ $(grep -c 'as they should be' said) == 4 ]] || fail "check $form: $(<said)"
done
convert keras/decoder.h5 "$pipeline" --to keras3 -o decoder.weights.h5
cmp decoder.weights.h5 keras3/decoder.weights.h5 || fail "one model's file"
convert own.safetensors "$pipeline" --to keras --dtype f16 -o half
convert half "$pipeline" --to latentc -o a.safetensors
convert own.safetensors "$pipeline" --to latentc --dtype f16 -o b.safetensors
cmp <(numbers a.safetensors) <(numbers b.safetensors) || fail "f16"
[[ $("$LATENTC" weights list keras/decoder.h5 "$pipeline") == *"decoder/resnet_block_1/resnet_block_1/norm1/gamma  decoder/mid.res.1.norm1.gamma"* ]] ||
    fail "list: $("$LATENTC" weights list keras/decoder.h5 "$pipeline" | head)"

draw() { "./$1" -p "a red circle on a blue background" -n blurry --steps 3 -s 7 -o "$1.png" --save-latent "$1.latent" 2>log || fail "$1: $(<log)"; }
build() { "$LATENTC" build -q "$pipeline" --target x86-64 "$@" 2>log || fail "build $*: $(<log)"; }
same() { draw "$1"; cmp want.latent "$1.latent" || fail "$1: another picture"; }
build -o want
draw want
build --weights keras/text_encoder.h5 --weights keras3/decoder.weights.h5 --weights keras/diffusion_model.h5 -o from-files
same from-files
"$LATENTC" compile "$SOURCE_DIR/graphs/sd2/decoder.json" --weights synthetic:1 --weights keras/text_encoder.h5 --set img_height=64 --set img_width=64 \
    --target x86-64 -o decoder-alone 2>log || fail "a graph alone takes those that can be its own: $(<log)"

# by a published name, from a server, vocabulary and all
if command -v python3 >/dev/null; then
    mkdir served
    cp keras/*.h5 served && gzip -c "$shapes/merges.txt" >served/bpe_simple_vocab_16e6.txt.gz
    export XDG_CACHE_HOME=$work/cache LATENTC_FETCH_LIST=$work/list.json no_proxy='*'
    files=$(cd served && sha256sum -- * | sed 's|^\([0-9a-f]*\)  \(.*\)|{"from": "https://nowhere.invalid/x/\2", "sha256": "\1", "most": 1000000000}|' | paste -sd,)
    echo "{\"small\": {\"about\": \"a test\", \"files\": [$files]}}" >list.json
    python3 "$SOURCE_DIR/tests/tools/serve.py" served port >requests & server=$!
    trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT
    for _ in {1..100}; do [[ -s port ]] && break; sleep 0.1; done
    sed 's|"weights.safetensors"|"small"|; s|"\.\./sd2|"'"$SOURCE_DIR"'/graphs/sd2|; s|"vocab": "merges.txt",||; s|"head_size"|"gelu": "erf", "head_size"|;
        s|"linspace"|"trailing"|' "$pipeline" >named.json # keras-cv's conventions lie over the file's
    expect 1 "*small: bpe_simple_vocab_16e6.txt.gz is not in $work/cache/latentc/small, and --offline forbids to fetch it" \
        "$LATENTC" build named.json -q --offline -o x
    export LATENTC_FETCH_BASE=http://127.0.0.1:$(<port)
    "$LATENTC" build named.json -q --target x86-64 -o by-name 2>log || fail "by name: $(<log)"
    same by-name
    [[ $(wc -l <requests) == 5 ]] || fail "requests: $(<requests)"
    convert small "$pipeline" --to latentc -o back.safetensors # from the cache
    cmp <(numbers own.safetensors) <(numbers back.safetensors) || fail "a name and back"
    [[ $(wc -l <requests) == 5 ]] || fail "what is in the cache is fetched again"
    [[ ! -e x ]] || fail "something is left of a failed build"
    unset LATENTC_FETCH_LIST LATENTC_FETCH_BASE
fi

# ---- what is wrong ----
refuse() { expect 1 "*$1" "$LATENTC" weights check "${@:2}" "$pipeline"; }
head -c 100000 keras/decoder.h5 >cut.h5
refuse "cut.h5: HDF5 cannot read it: not such a file, cut, or damaged" cut.h5
head -c 8 keras/decoder.h5 >signature.h5
refuse "signature.h5: HDF5 cannot read it: *" signature.h5
# On some damaged files libhdf5 itself crashes. tests/data/crash.h5 is one for libhdf5 1.10; another version may say what is wrong.
refuse "crash.h5: *" "$SOURCE_DIR/tests/data/crash.h5"
printf 'PK\3\4..................metadata.json model.weights.h5' >whole.keras
refuse "whole.keras: not a zip archive, cut or damaged (*)" whole.keras
mkdir twice && cp keras/decoder.h5 twice/a.h5 && cp keras3/decoder.weights.h5 twice/b.h5
refuse "twice: keras-cv's Decoder is there twice, the second time in *twice/b.h5" twice
expect 1 "*: does not fit *: * weights are missing, unknown or of another shape" "$LATENTC" weights check keras
expect 1 "*decoder.h5: 68 of text_encoder's 68 weights missing, the first is *" "$LATENTC" build "$pipeline" --weights keras/decoder.h5 -q -o x
expect 2 "*4 models, and Keras has a file for each: give -o a folder, or convert one model" "$LATENTC" weights convert keras "$pipeline" --to keras -o x.h5
expect 2 "*Keras takes \*.weights.h5 for Keras 3's layout (--to keras3)*" "$LATENTC" weights convert keras/decoder.h5 "$pipeline" --to keras3 -o x.h5
expect 2 "*Keras' files have no bf16: give --dtype f32 or f16" "$LATENTC" weights convert keras "$pipeline" --to keras --dtype bf16 -o y
[[ ! -e x && ! -e x.h5 && ! -e y ]] || fail "something is left: $(ls)"

# ---- Keras itself ----
[[ -n ${LATENTC_LONG:-} ]] || exit 0
python=${LATENTC_KERAS_PYTHON:-}
if [[ -z $python ]]; then
    python3 -m venv venv && venv/bin/pip install -q tensorflow-cpu keras-cv h5py safetensors numpy >log 2>&1 || skip "Keras cannot be installed: $(tail -n 1 log)"
    python=venv/bin/python
fi
oracle() { "$python" "$SOURCE_DIR/tests/tools/keras_h5.py" "$@" 2>log || fail "keras_h5.py $*: $(tail -n 3 log)"; }
for model in decoder image_encoder text_encoder; do # and diffusion_model where 14 GB of disk are no matter
    rm -rf theirs && mkdir theirs
    oracle write theirs $model
    for ending in h5 weights.h5; do
        convert theirs/$model.$ending --to latentc -o theirs.safetensors
        "$python" - theirs/$model.safetensors theirs.safetensors "$model" <<'PYTHON' || fail "$model.$ending is read otherwise"
import sys
import numpy as np
from safetensors.numpy import load_file
want, got, model = load_file(sys.argv[1]), load_file(sys.argv[2]), sys.argv[3]
assert {model + "/" + k for k in want} == set(got) and all(np.array_equal(v, got[model + "/" + k]) for k, v in want.items())
PYTHON
    done
    convert theirs.safetensors --to keras -o ours.h5
    convert theirs.safetensors --to keras3 -o ours.weights.h5
    oracle read theirs $model ours.h5 ours.weights.h5
done
