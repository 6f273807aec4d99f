#!/bin/bash
# `latentc weights fetch` against a local server that misbehaves as asked (tests/tools/serve.py): what arrives is what was published, or nothing does.
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null || skip "python3 is not here; it runs the server"
served=$work/served cache=$work/cache
mkdir "$served"
export XDG_CACHE_HOME=$cache NO_PROXY='*' no_proxy='*'
unset LATENTC_FETCH_BASE LATENTC_FETCH_LIST
python3 "$SOURCE_DIR/tests/tools/serve.py" "$served" "$work/port" >>"$work/requests" & server=$!
trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in {1..100}; do [[ -s $work/port ]] && break; sleep 0.1; done
[[ -s $work/port ]] || fail "the server does not start"
base=http://127.0.0.1:$(<"$work/port")
hash_of() { sha256sum "$1" | cut -d' ' -f1; }
# list MODE [SHA256 [MOST]]: a list with one name, `small`, one file, big.bin
list() {
    printf '{"small": {"about": "a test", "files": [{"from": "%s%s/big.bin", "sha256": "%s", "most": %s}]}}\n' "$base" "${1:+/$1}" \
        "${2:-$(hash_of "$served/big.bin")}" "${3:-3000000}" >"$work/list.json"
}
fetch() { "$LATENTC" weights fetch small --list "$work/list.json" "$@"; }
cached=$cache/latentc/small/big.bin
got() { cmp "$served/big.bin" "$cached" || fail "$1: the file is another"; [[ ! -e $cached.part ]] || fail "$1: the .part file is left"; }
again() { rm -rf "$cache"; : >"$work/requests"; }
head -c 3000000 /dev/urandom >"$served/big.bin"

list "" && again
[[ $(fetch 2>/dev/null) == "$cache/latentc/small" ]] || fail "fetch prints another folder"
got "plain"
fetch >/dev/null 2>&1 && [[ $(wc -l <"$work/requests") == 1 ]] || fail "a file in the cache is fetched again"
[[ $(stat -c %a "$cached") == 644 ]] || fail "mode of the file: $(stat -c %a "$cached")"

# a damaged file in the cache is noticed by fetch
printf x | dd of="$cached" bs=1 seek=100 conv=notrunc 2>/dev/null
expect 1 "*big.bin: has sha256 *, expected *" fetch --offline
expect 0 "*has another sha256 than it should; fetching it anew" fetch
got "damaged"

list moved && again && fetch >/dev/null 2>&1 && got "redirect" || fail "redirect"
list loop && again && expect 1 "*/loop/big.bin: *redirects*" fetch
list cutonce && again && fetch >/dev/null 2>&1 && got "cut once" || fail "cut once"
grep -q 'bytes=1500000-' "$work/requests" || fail "a cut download does not go on: $(cat "$work/requests")"
list busyonce && again && fetch >/dev/null 2>&1 && got "busy once" || fail "busy once"

# a connection that is cut each time gives up only without progress; what is there by then counts
list "" && again && mkdir -p "${cached%/*}" && head -c 1000000 "$served/big.bin" >"$cached.part"
fetch >/dev/null 2>&1 && got "resume" || fail "resume"
[[ $(cat "$work/requests") == "GET /big.bin bytes=1000000-" ]] || fail "resume asks: $(cat "$work/requests")"
list noranges && again && mkdir -p "${cached%/*}" && head -c 1000000 "$served/big.bin" >"$cached.part"
fetch >/dev/null 2>&1 && got "no ranges" || fail "no ranges"
list wrongrange && again && mkdir -p "${cached%/*}" && head -c 1000000 "$served/big.bin" >"$cached.part"
expect 1 "*wrongrange/big.bin: *" fetch
# complete but not renamed; too long; of another file
list "" && again && mkdir -p "${cached%/*}" && cp "$served/big.bin" "$cached.part" && fetch >/dev/null 2>&1 && got "complete" || fail "complete .part"
again && mkdir -p "${cached%/*}" && head -c 4000000 /dev/zero >"$cached.part" && fetch >/dev/null 2>&1 && got "too long" || fail "too long .part"
again && mkdir -p "${cached%/*}" && head -c 1000000 /dev/zero >"$cached.part"
expect 0 "*big.bin: the resumed file is not the one that was published; fetching all of it again" fetch
got "other .part"

list "" "$(printf '%064d' 7)" && again
expect 1 "*/big.bin: has sha256 $(hash_of "$served/big.bin"), expected 0*7: not the file that was published; it was removed" fetch
[[ -z $(ls "$cache/latentc/small") ]] || fail "a wrong file is kept: $(ls "$cache/latentc/small")"
list broken && again && expect 1 "*/broken/big.bin: the server answered 503 (unavailable), expected the file" fetch
mv "$served/big.bin" "$served/gone.bin"
list "" "$(hash_of "$served/gone.bin")" && again && expect 1 "*$base/big.bin: the server answered 404 (not found), expected the file" fetch
mv "$served/gone.bin" "$served/big.bin"

# a full disk, as a limit on the size of files: what is there stays and serves the next time
again
expect 1 "*big.bin.part: cannot be written: File too large; 1048576 bytes stay there, and the next fetch continues from them" \
    bash -c 'ulimit -f 1024; "$0" weights fetch small --list "$1"' "$LATENTC" "$work/list.json"
fetch >/dev/null 2>&1 && got "after a full disk" || fail "after a full disk"

# more than the list allows: announced, of no length, in the .part file; nothing is kept
many="*big.bin: sends more than the 2999999 bytes that the list allows: not the file that was published; nothing is kept"
for mode in "" endless; do
    list "$mode" "" 2999999 && again && expect 1 "$many" fetch
    [[ -z $(ls "$cache/latentc/small") ]] || fail "a file that is too long is kept: $(ls "$cache/latentc/small")"
done
list "" && again && mkdir -p "${cached%/*}" && head -c 3000001 /dev/zero >"$cached.part" && fetch >/dev/null 2>&1 && got "too long .part" || fail "too long .part"

# a download that hardly moves ends: within one answer, and over many
for mode in drip one; do
    list $mode && again && expect 1 "*/$mode/big.bin: no progress for 1 s; * bytes are in *big.bin.part, and the next fetch continues from them" fetch --timeout 1
done
list "" && fetch >/dev/null 2>&1 && got "after a stall" || fail "after a stall"

# names are names, not paths
for name in ../small a/b .hidden '' -x; do
    printf '{"%s": {"about": "a test", "files": []}}\n' "$name" >"$work/names.json"
    expect 1 "*names.json: /*: expected a name of letters, digits, '.', '_', '+' and '-', which becomes a folder's" "$LATENTC" weights fetch --list "$work/names.json"
    expect 1 "*names.json: /*: expected a name of letters, *" "$LATENTC" weights fetch --list "$work/names.json" -- "$name"
done
for file in .. .x 'a%2fb' "" 'x\\y'; do
    printf '{"small": {"about": "a test", "files": [{"from": "%s/%s", "sha256": "%064d", "most": 9}]}}\n' "$base" "$file" 0 >"$work/names.json"
    expect 1 "*names.json: /small/files/0: \"*\" does not end in a file's name of *" "$LATENTC" weights fetch --list "$work/names.json" small
done
printf '{"small": {"about": "a test", "files": [{"from": "%s/big.bin?download=true", "sha256": "%s", "most": 3000000}]}}\n' "$base" \
    "$(hash_of "$served/big.bin")" >"$work/list.json"
again && fetch --from "$base" >/dev/null 2>&1 && got "an address with a query" || fail "an address with a query"

# mirrors and --offline
list nowhere && again && fetch --from "$base/moved" >/dev/null 2>&1 && got "--from" || fail "--from"
expect 0 "" fetch --offline
: >"$work/requests"
rm "$cached" && expect 1 "*small: big.bin is not in *, and --offline forbids to fetch it" fetch --offline
[[ ! -s $work/requests ]] || fail "--offline asks the server"
LATENTC_FETCH_BASE=$base fetch >/dev/null 2>&1 && got "LATENTC_FETCH_BASE" || fail "LATENTC_FETCH_BASE"

# two at once
again
fetch >/dev/null 2>&1 & one=$!
fetch >/dev/null 2>&1 || fail "the second of two"
wait $one || fail "the first of two"
got "two at once"

# the list
[[ $("$LATENTC" weights fetch) == *keras-sd2.1*text_encoder_v2_1.h5*diffusion_model_v2_1.h5*kcv_decoder.h5*vae_encoder.h5*bpe_simple_vocab* ]] ||
    fail "the list: $("$LATENTC" weights fetch)"
expect 1 "*keras-sd2: no published weights of this name; there are: keras-sd2.1, keras-sd1.4" "$LATENTC" weights fetch keras-sd2
expect 1 "*keras-sd2: cannot be read: No such file or directory; names of published weights: keras-sd2.1, keras-sd1.4" "$LATENTC" weights check keras-sd2
kill $server
wait $server 2>/dev/null || true
again && expect 1 "*http://127.0.0.1:*/big.bin: *connect*[(]without a network: LATENTC_FETCH_BASE or --from names a mirror, https_proxy a proxy)" fetch
[[ -z $(ls "$cache/latentc/small") ]] || fail "an empty file is left: $(ls "$cache/latentc/small")"
expect 1 "*http://no.such.host.invalid/big.bin: *resolve*[(]without a network: *" fetch --from http://no.such.host.invalid

# a proxy that refuses
python3 -c '
import socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(1)
print(s.getsockname()[1], file=open(sys.argv[1], "w"), flush=True)
for status in "407 Proxy Authentication Required", "403 Forbidden":
    c, _ = s.accept()
    c.recv(4096)
    c.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
    c.close()' "$work/proxy" & server=$!
for _ in {1..100}; do [[ -s $work/proxy ]] && break; sleep 0.1; done
unset NO_PROXY no_proxy
export https_proxy=http://127.0.0.1:$(<"$work/proxy")
again && expect 1 "*https://no.such.host.invalid/big.bin: *407 (the proxy requires a name and password: *" fetch --from https://no.such.host.invalid
expect 1 "*https://no.such.host.invalid/big.bin: *403 (that is the proxy's answer; https_proxy names it)" fetch --from https://no.such.host.invalid
