# For test_compiled_*.sh, one test per model so that they run side by side: source it, then `check`.
#
# Compiled models at full width against keras-cv's results in double, or diffusers' (tests/data/goldens): in f32 at most 1e-5 relative rms, fused and
# unfused, with direct convolutions, 5e-5 with Winograd's; in bf16 3e-2, in int8 5e-2 (DiffusionModelV2) and 3e-2 (text encoder); and the same bits whatever the number of threads.
set -euo pipefail
if [[ -n ${LATENTC_SANITIZE:-} && ( -z ${small_model:-} || $LATENTC_SANITIZE != address* ) ]]; then
    echo "SKIP: full-width models take too long under a sanitizer"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
goldens=$SOURCE_DIR/tests/data/goldens
size=(--set img_height=128 --set img_width=128)
# For `check`: the forms of convolutions in models that run once a picture.
every_form='all auto f32 5e-5
all direct f32 1e-5
none direct f32 1e-5
all auto bf16 3e-2
all up f32 1e-5
all f43 f32 5e-5
none f23 f32 5e-5
all f23 bf16 3e-2'

# check GRAPH GOLDEN [flags]: GRAPH of graphs/sd2, or of a folder of its own: taesd/decoder. Every line of standard input is one way to compile it and its bound: fuse, conv, dtype, bound.
# The first is run on one thread, and on three: their bits must agree.
check() {
    local graph=$1 folder=sd2/ golden=$2 threads=(--threads 1) fuse conv dtype bound
    shift 2
    [[ $graph != */* ]] || folder=
    run() { # run OUT [flags]
        "$LATENTC" run "$SOURCE_DIR/graphs/$folder$graph.json" --weights synthetic:1 --inputs "$goldens/$golden.safetensors" --outputs "$work/$1.safetensors" \
            --fuse "$fuse" --conv "$conv" --dtype "$dtype" "${@:2}"
    }
    while read -r fuse conv dtype bound; do
        run out "${threads[@]}" "$@"
        echo -n "$graph, --fuse $fuse --conv $conv --dtype $dtype: "
        "$TOOLS/compare" --bound "$bound" "$work/out.safetensors" "$goldens/$golden.safetensors"
        if (( ${#threads[@]} )); then
            run three --threads 3 "$@"
            cmp "$work/out.safetensors" "$work/three.safetensors"
            threads=()
        fi
    done
}
