#!/usr/bin/env bash
# No layer calls upwards. Include paths already stop includes (compiler/CMakeLists.txt, runtime/CMakeLists.txt); this reads the
# objects, so that a function declared by hand in a .c file is found too. Allowed are a layer's own symbols, those of the layers
# that its latentc_layer() or latentrt_layer() line names, for the compiler all of the runtime, and what no layer defines.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0 checked=0

# objects FOLDER PREFIX LAYER: its object files
objects() { find "$BUILD_DIR/$1/CMakeFiles/$2_$3.dir" -name '*.o'; }

# check FOLDER PREFIX FUNCTION: all layers of FOLDER/CMakeLists.txt
check() {
    local folder=$1 prefix=$2 function=$3 layer uses
    # "layer: uses...", one a line; a call may go over several lines
    grep -v '^ *#' "$SOURCE_DIR/$folder/CMakeLists.txt" | grep -v '^function' | tr '\n' ' ' | grep -oE "\b$function\([a-z]+ [^)]*\)|\b$function\([a-z]+\)" |
        sed -E "s/$function\(([a-z]+) *\)/\1:/; s/$function\(([a-z]+)/\1:/; s/RUNTIME.*//; s/LIBRARIES.*//; s/USES//; s/\)//" > "$work/layers"
    while IFS=: read -r layer uses; do
        mapfile -t files < <(objects "$folder" "$prefix" "$layer")
        (( ${#files[@]} )) || { echo "FAILED: no objects of $folder/$layer"; failed=1; continue; }
        nm --defined-only --extern-only "${files[@]}" | awk 'NF==3 && $2 != "U" {print $3}' | sort -u > "$work/$prefix.$layer.defined"
        nm --undefined-only "${files[@]}" | awk '$1 == "U" {print $2}' | sort -u > "$work/$prefix.$layer.undefined"
    done < "$work/layers"
    while IFS=: read -r layer uses; do
        [[ -e $work/$prefix.$layer.defined ]] || continue
        local allowed=("$work/$prefix.$layer.defined") other name
        for name in $uses; do allowed+=("$work/$prefix.$name.defined"); done
        sort -u "${allowed[@]}" > "$work/allowed"
        for other in "$work/$prefix".*.defined; do
            name=${other#"$work/$prefix."}
            name=${name%.defined}
            [[ " $layer $uses " == *" $name "* ]] && continue
            if comm -12 "$work/$prefix.$layer.undefined" "$other" | comm -23 - "$work/allowed" | grep . > "$work/wrong"; then
                echo "FAILED: $folder/$layer calls $folder/$name, which it must not know: $(paste -sd' ' "$work/wrong")"
                failed=1
            fi
        done
        checked=$((checked + 1))
    done < "$work/layers"
}
check compiler latentc latentc_layer
check runtime latentrt latentrt_layer
echo "$checked layers"
(( checked >= 18 )) || { echo "FAILED: expected 11 layers of compiler/ and 7 of runtime/"; failed=1; }
exit $failed
