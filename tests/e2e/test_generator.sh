#!/bin/bash
# A generator alone: an empty folder, an empty environment, pictures that are sound and the same for any number of threads.
. "$(dirname "$0")/common.sh"
shapes=$(generator)
run() { env -i "$work/shapes" "$@"; }
cp "$shapes" "$work/shapes"
mkdir "$work/empty"
cd "$work/empty"

# One file that needs nothing: no shared library, or those of libc alone. (With a runtime compiled by clang it needs libomp and what that needs.)
if ! readelf -h "$shapes" >/dev/null 2>&1; then fail "not an ELF file"; fi
needed=$(readelf -d "$shapes" 2>/dev/null | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -vE '^(libc|libm|libgomp|libgcc_s|ld-linux.*)\.so' || true)
[[ -z $needed || ($COMPILER_ID == *Clang && $needed == *libomp.so*) ]] || fail "needs $needed"

prompt="a red circle on a blue background"
run -p "$prompt" -s 7 --steps 4 -o one.png 2>messages || { cat messages; fail "the generator failed"; }
[[ $(ls) == $'messages\none.png' ]] || fail "unexpected files: $(ls)"
said=$("$TOOLS/picture" one.png)
[[ $said =~ ^128x128\ distinct=([0-9]+)$ ]] || fail "picture is $said"
(( BASH_REMATCH[1] > 10 )) || fail "the picture has only ${BASH_REMATCH[1]} colors"
parameters=$("$TOOLS/picture" one.png parameters) || fail "no text chunk 'parameters'"
[[ $parameters == "$prompt"*Steps:\ 4*Seed:\ 7* ]] || fail "parameters are: $parameters"

# Same seed, same bytes, whatever the number of threads; another seed, another picture.
for threads in 1 2 3; do
    run -p "$prompt" -s 7 --steps 4 -t $threads -o "t$threads.png" 2>/dev/null
    cmp one.png "t$threads.png" || fail "$threads threads change the picture"
done
run -p "$prompt" -s 8 --steps 4 -o other.png 2>/dev/null
cmp -s one.png other.png && fail "another seed gives the same picture"

# Batches: seeds s, s+1, ...; names numbered, or by a pattern.
run -p "$prompt" -s 7 --steps 4 -b 2 -o many.png 2>/dev/null
cmp one.png many-1.png || fail "the batch's first picture is not the one of its seed"
cmp other.png many-2.png || fail "the batch's second picture is not the one of seed + 1"
run -p "$prompt" -s 7 --steps 4 -b 2 -o 'p%03d.png' 2>/dev/null
cmp one.png p001.png && cmp other.png p002.png || fail "names by pattern"

# The latent: saved, and the same start given again.
run -p "$prompt" -s 7 --steps 4 -o l.png --save-latent latent.safetensors 2>/dev/null
[[ $(head -c 400 latent.safetensors) == *latent_out* ]] || fail "--save-latent wrote no latent_out"

# --trace: a line a step; --preview-every: pictures on the way.
run -p "$prompt" -s 7 --steps 4 -o t.png --trace t.csv --preview-every 2 --sampling-method relax 2>/dev/null
[[ $(head -1 t.csv) == step,timestep,sigma,alpha,deviation,full ]] || fail "--trace begins with $(head -1 t.csv)"
(( $(wc -l <t.csv) == 5 )) || fail "--trace has $(wc -l <t.csv) lines for 4 steps"
(( $(find . -name 't*.png' | wc -l) > 4 )) || fail "no previews: $(ls)" # t.png and t1 to t3 are there anyway

# Where the picture goes: standard output, a name without ending, a pipe, a JPEG; each is announced, but not with -q.
run -p "$prompt" -s 7 --steps 4 -o - 2>messages >out.png
cmp one.png out.png || fail "-o -"
run -p "$prompt" -s 7 --steps 4 -o small.png --png-level 9 2>/dev/null
[[ $("$TOOLS/picture" small.png) == "$said" ]] || fail "--png-level changes the picture"
cmp -s one.png small.png && fail "--png-level changes nothing"
[[ $(tail -1 messages) == 'wrote standard output' ]] || fail "-o - said: $(<messages)"
run -p "$prompt" -s 7 --steps 4 -o plain 2>messages
cmp one.png plain || fail "a name without ending is not a PNG"
[[ $(tail -1 messages) == 'wrote plain' ]] || fail "it said: $(<messages)"
mkfifo pipe.gif
cat pipe.gif >piped.png & pid=$!
run -p "$prompt" -s 7 --steps 4 -o pipe.gif -q 2>messages
wait $pid
cmp one.png piped.png && [[ -p pipe.gif ]] || fail "a pipe"
[[ ! -s messages ]] || fail "-q said: $(<messages)"
run -p "$prompt" -s 7 --steps 4 -b 2 -o x.jpg 2>messages
[[ $(grep '^wrote' messages) == $'wrote x-1.jpg\nwrote x-2.jpg' ]] || fail "it said: $(<messages)"
[[ $(head -c 3 x-2.jpg | od -An -tx1) == ' ff d8 ff' ]] || fail "x-2.jpg is no JPEG"

# Tokens as the compiler prints them.
tokens=$(run -p "$prompt" --print-tokens)
[[ $tokens =~ ^[0-9]+(\ [0-9]+)*$ ]] || fail "--print-tokens printed: $tokens"

info=$(run --info)
for word in target options; do
    [[ ${info,,} == *$word* ]] || fail "--info does not name the $word: $info"
done
[[ $(run --help) == *--cfg-scale* ]] || fail "--help does not list --cfg-scale"
