#!/bin/bash
# --int8-layers: a file says which layers are whole numbers, over the rule; "all" takes every layer that may be.
. "$(dirname "$0")/common.sh"
graph=$SOURCE_DIR/graphs/sd2/diffusion_model.json
cd "$work"
shown() { "$LATENTC" show "$graph" --dtype int8 --after quantise "$@" || fail "show $* ended with $?"; }
# type LAYER: how the pass quantised it
type_of() { grep -F "@\"$1\"" | grep -v ' = range ' | grep -o 'quant=[a-z]*' || echo none; }
low=down.0.attn.0.block.geglu.dense high=up.1.attn.0.block.geglu.dense window=up.1.res.0.exit.conv edge=down.conv_in
[[ $(shown | type_of $low) == none && $(shown | type_of $high) == quant=rows && $(shown | type_of $window) == quant=image ]] || fail "the rule has changed"
printf '%s\n' '# by hand' "graph other" "$high bf16" "graph diffusion_model" "$low int8 1e-3" "$high bf16 9e-3" "" "$window bf16" >layers
with() { shown --int8-layers layers; }
[[ $(with | type_of $low) == quant=rows && $(with | type_of $high) == none && $(with | type_of $window) == none ]] || fail "the file was not followed"
changed=$(diff <(shown) <(with) | grep -c '^>' || true)
(( changed > 2 )) || fail "nothing has changed"
[[ $(shown --int8-layers all | type_of $low) == quant=rows && $(shown --int8-layers all | type_of $edge) == none ]] || fail "all"

refuses() { # LINES MESSAGE
    printf '%s\n' "$1" >bad
    expect 1 "latentc: error: bad$2" "$LATENTC" show "$graph" --dtype int8 --after quantise --int8-layers bad
}
refuses $'graph diffusion_model\nnope int8' ":2: graph diffusion_model has no layer 'nope' that multiplies: *"
refuses $'graph diffusion_model\n'"$edge int8" ":2: $edge: expected bf16: the first and the last convolution, *"
refuses "$low int8" ":1: found '$low', expected graph NAME before the first layer"
refuses $'graph diffusion_model\n'"$low f32" ":2: $low: found 'f32', expected int8 or bf16"
refuses $'graph diffusion_model\n'"$low" ":2: $low: found 'the end of the line', expected int8 or bf16"
refuses graph ":1: found the end of the line, expected the graph's name"
refuses '' ": no layers: *"
expect 1 'latentc: error: none: cannot be read: *' "$LATENTC" show "$graph" --dtype int8 --after quantise --int8-layers none
expect 2 'latentc: error: --int8-layers goes with --dtype int8' "$LATENTC" show "$graph" --dtype bf16 --after quantise --int8-layers all
