#!/bin/bash
# A generator file that was cut or altered says so.
. "$(dirname "$0")/common.sh"
shapes=$(generator)
cd "$work"
size=$(stat -c %s "$shapes")

head -c $((size - 1000)) "$shapes" >cut && chmod +x cut
expect 1 '*: error: *' ./cut -p x --steps 1
head -c $((size / 2)) "$shapes" >half && chmod +x half
expect 1 '*: error: *' ./half -p x --steps 1

# One bit of the weights.
cp "$shapes" altered && chmod +w altered
at=$((size * 3 / 4))
byte=$(od -An -tu1 -j $at -N 1 altered)
printf "$(printf '\\x%02x' $((byte ^ 1)))" | dd of=altered bs=1 seek=$at conv=notrunc status=none
expect 1 '*: error: *' ./altered -p x --steps 1 -o x.png
expect 1 '*: error: *weights differ from those*' ./altered -p x --steps 2 -o x.png --preview-every 1 --save-latent x.safetensors --trace x.csv
[[ -z $(find . -name 'x*') ]] || fail "an altered generator let a result out: $(find . -name 'x*')"

# Something appended: the footer is not at the end any more.
{ cat "$shapes"; echo more; } >longer && chmod +x longer
expect 1 '*: error: *' ./longer -p x --steps 1
