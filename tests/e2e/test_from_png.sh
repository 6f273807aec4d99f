#!/bin/bash
# What a picture records, and --from-png, which repeats it: the same bytes, whatever is in the prompt.
. "$(dirname "$0")/common.sh"
shapes=$(generator)
cd "$work"
draw() { "$shapes" "$@" 2>messages || { cat messages; fail "the generator failed: $*"; }; }
recorded() { "$TOOLS/picture" "$1" parameters || fail "$1 records nothing"; }

# The form of the web interfaces.
draw -p "a red circle" -n "blue" -s 7 --steps 4 --cfg-scale 7.5 -o a.png
want=$'a red circle\nNegative prompt: blue\nSteps: 4, Sampler: DDIM, CFG scale: 7.5, Seed: 7, Size: 128x128, Model: shapes, RNG: NV, Version: latentc '*
[[ $(recorded a.png) == $want ]] || fail "a.png records: $(recorded a.png)"

# Repeated, to the last byte: numbers that need all of their digits, settings of one sampler, lines that look like the next part, other scripts.
number=0
again() {
    number=$((number + 1))
    draw "$@" --steps 3 -o "first$number.png"
    "$shapes" --from-png "first$number.png" -o "again$number.png" 2>messages || fail "$*: $(<messages)"
    cmp "first$number.png" "again$number.png" || fail "repeated otherwise: $* ($(recorded "first$number.png"))"
}
again -p "a red circle" -s 18446744073709551615 --cfg-scale 3.3000000000000003
again -p "" -n ""
again -p "a red circle" --sampling-method relax --alpha 0.30000000000000004
again -p $'a red\n  circle,\n\nSteps: many\nNegative prompt: nothing\n' -n $'Steps: 3\nNegative prompt: green, "blue"'
again -p $'Negative prompt: a red circle'
again -p $'Steps: 9, Sampler: none' -n ' '
again -p $'ein gr\xc3\xbcner Kreis \xe4\xb8\x80 \xf0\x9f\x94\xb4' -n $'\xc3\xa9'
again -p "a red circle" -b 1 -s -1
again -p "a red circle" --sampling-method ddim --eta 0.7 --rng cpu --guidance-rescale 0.35 --spacing trailing
for sampler in pndm plms euler euler_a heun lms dpm++2m dpm++2m_sde unipc lcm ddpm; do
    again -p "a red circle" --sampling-method $sampler
done
again -p "a red circle" --sampling-method k_euler_a --spacing karras --prediction v
[[ $(recorded first$number.png) == *$'\nSteps: 3, Sampler: Euler a, Schedule type: Karras, CFG scale: '* ]] || fail "karras: $(recorded first$number.png)"
again -p "a red circle" --sampling-method "DPM++ 2M Karras"
[[ $(recorded first$number.png) == *$'\nSteps: 3, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: '* ]] || fail "karras: $(recorded first$number.png)"
again -p "a red circle" --sampling-method "LMS Karras" --spacing trailing --rng cpu
[[ $(recorded first$number.png) == *"Sampler: LMS, CFG scale: "*", RNG: CPU, Spacing: trailing"* ]] || fail "trailing: $(recorded first$number.png)"

# A JPEG records the same in its Exif comment.
draw -p $'caf\xc3\xa9, "red"' -n blue -s 18446744073709551615 --steps 2 --quality 60 -o a.jpg
draw --from-png a.jpg --quality 60 -o b.jpeg
cmp a.jpg b.jpeg || fail "a JPEG repeated otherwise"
draw --from-png a.jpg -o a2.png
[[ $(recorded a2.png) == $'caf\xc3\xa9, "red"\nNegative prompt: blue\nSteps: 2, '*"Seed: 18446744073709551615, "* ]] || fail "a.jpg records: $(recorded a2.png)"
draw -p x --steps 1 --no-metadata -o bare.jpg
expect 1 '*: error: bare.jpg: it does not record how it was drawn: *' "$shapes" --from-png bare.jpg

# Pictures of a batch one by one; flags beside it overrule.
draw -p "a red circle" -s 7 -b 2 --steps 3 -o b.png
draw --from-png b-2.png -o b2.png
cmp b-2.png b2.png || fail "the second of a batch"
draw --from-png b-2.png -s 7 -o b1.png
cmp b-1.png b1.png || fail "a seed beside --from-png"

# From a picture: the files are given again, and are told apart.
"$TOOLS/picture_make" in.png 128 128 2350dc 40 40 88 88 dc1e1e
"$TOOLS/picture_make" other.png 128 128 dc1e1e
"$TOOLS/picture_make" mask.png 128 128 000000 0 0 64 64 ffffff
draw -p "a yellow circle" -i in.png --mask mask.png --strength 0.7 --steps 5 -o part.png
draw --from-png part.png -i in.png --mask mask.png -o part2.png
cmp part.png part2.png || fail "repeated from its picture and mask"
draw --from-png part.png -i other.png --mask mask.png -o part3.png
grep -q 'other.png is not the file that part.png was drawn with' messages || fail "another picture: $(<messages)"
expect 1 '*: error: part.png: it was drawn with -i, but does not contain that file: *' "$shapes" --from-png part.png
expect 1 '*: error: part.png: it was drawn with --mask, but does not contain that file: *' "$shapes" --from-png part.png -i in.png
draw -p x --save-latent l.safetensors --steps 1 -o l.png
sed -i 's/latent_out/latent_in"/;s/""/" /' l.safetensors
draw -p x --latent-in l.safetensors --steps 2 -o l1.png
draw --from-png l1.png --latent-in l.safetensors -o l2.png
cmp l1.png l2.png || fail "repeated from its latent"
expect 1 '*: error: l1.png: it was drawn with --latent-in, *' "$shapes" --from-png l1.png

# Pictures of other programs: a web interface of before and after schedules had names of their own, and stable-diffusion.cpp.
foreign() { # FILE TEXT: a picture with that text
    python3 - "$@" <<'EOF'
import struct, sys, zlib
def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
raw = b"".join(b"\0" + b"\0" * 384 for _ in range(128))
open(sys.argv[1], "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 128, 128, 8, 2, 0, 0, 0)) +
    chunk(b"tEXt", b"parameters\0" + sys.argv[2].encode("latin-1")) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))
EOF
}
if command -v python3 >/dev/null; then
    end="CFG scale: 5, Seed: 9, Size: 128x128, Model hash: 0123abcd, Model: v2-1_512"
    draw -p "a red circle" --steps 3 --cfg-scale 5 -s 9 --sampling-method dpm++2m --spacing karras -o karras.png
    draw -p "a red circle" --steps 3 --cfg-scale 5 -s 9 --sampling-method euler_a -o euler.png
    draw -p "a red circle" --steps 3 --cfg-scale 5 -s 9 --sampling-method ddim --rng cpu -o ddim.png
    while IFS='|' read -r fields same notice; do
        foreign other.png $'a red circle\n'"$fields"
        draw --from-png other.png -o back.png
        cmp back.png $same || fail "$fields: not as $same"
        [[ $(<messages) == *"$notice"* ]] || fail "$fields: $(<messages)"
    done <<CASES
Steps: 3, Sampler: DPM++ 2M Karras, $end, Version: v1.7.0|karras.png|other.png: not used: Model hash
Steps: 3, Sampler: DPM++ 2M, Schedule type: Karras, $end, Version: v1.10.1|karras.png|it was drawn by the model v2-1_512
Steps: 3, Sampler: dpm++2m karras, $end, RNG: cuda, Version: stable-diffusion.cpp|karras.png|
Steps: 3, Sampler: Euler a, Schedule type: Automatic, $end|euler.png|other.png: not used: Schedule type Automatic, Model hash
Steps: 3, Sampler: euler_a, $end, RNG: std_default|euler.png|other.png: not used: Model hash, RNG std_default
Steps: 3, Sampler: DDIM, Schedule type: Karras, $end, RNG: CPU|ddim.png|other.png: its spacing is not used: --spacing karras does not go with --sampling-method ddim
CASES
    foreign other.png $'x\n'"Steps: 3, Sampler: DPM++ 3M SDE, $end"
    draw --from-png other.png -o back.png
    [[ $(<messages) == *"other.png: its sampler DPM++ 3M SDE is not used: "*" it draws with ddim: --sampling-method NAME chooses another"* ]] ||
        fail "an unknown sampler: $(<messages)"
    draw -p x --steps 3 --cfg-scale 5 -s 9 -o default.png
    cmp back.png default.png || fail "an unknown sampler: not as with the default"
    draw --from-png other.png --sampling-method euler -o back.png
    [[ $(<messages) != *"its sampler"* ]] || fail "a sampler that was typed: $(<messages)"
    expect 1 "*: error: --sampling-method: unknown 'DPM++ 3M SDE Karras': did you mean 'dpm++2m_sde'?" \
        "$shapes" --from-png other.png --sampling-method "DPM++ 3M SDE Karras"
fi

# Nothing recorded, other programs' pictures, other sizes.
draw -p x --steps 1 --no-metadata -o bare.png
"$TOOLS/picture" bare.png parameters >/dev/null && fail "--no-metadata records something"
expect 1 "*: error: bare.png: it does not record how it was drawn: a text 'parameters' is missing" "$shapes" --from-png bare.png
expect 1 '*: error: messages: neither PNG nor JPEG: expected a picture that records its settings' "$shapes" --from-png messages
expect 1 '*: error: *comfyui.png: it records a workflow of ComfyUI: expected a text *' "$shapes" --from-png "$SOURCE_DIR/tests/data/records/comfyui.png"
small=$(generator --set img_height=64 --set img_width=64)
expect 1 '*: error: a.png: a picture of 128 x 128 pixels: this program draws 64 x 64' "$small" --from-png a.png
