# Reads C files formatted as .clang-format says and prints one record a line, with tabs between fields:
#   function  FILE:LINE NAME PARAMETERS LINES   a function that is defined; LINES from its opening to its closing brace
#   prototype FILE:LINE NAME PARAMETERS PLACE   a function that a header declares; PLACE: 1 for the first one below a
#                                               comment, 2 for the next, ...; 0: no comment stands above it
# A comment covers the declarations directly below it. An empty line, a directive, a definition over several lines
# and a section comment, such as "/* ---- reading ---- */", end that.
BEGIN { FS = "\n"; OFS = "\t" }

# How many parameters a declaration has: commas at the depth of the first bracket.
function parameters(text, depth, count, i, c)
{
    sub(/^[^(]*\(/, "", text)
    depth = count = 1
    for (i = 1; i <= length(text) && depth > 0; i++) {
        c = substr(text, i, 1)
        if (c == "(")
            depth++
        else if (c == ")")
            depth--
        else if (c == "," && depth == 1)
            count++
    }
    return text ~ /^(void)?\)/ ? 0 : count
}

function declaration(text, inside_header, is_public)
{
    sub(/__attribute__\(\(format\([^)]*\)\)\)/, "", text)
    count = parameters(text)
    name = text
    sub(/\(.*/, "", name)
    sub(/.*[ *]/, "", name)
    if (inside_header && is_public)
        print "prototype", place, name, count, (covered ? ++position : 0)
}

FNR == 1 { state = ""; covered = 0; header = FILENAME ~ /\.h$/ }

state == "comment" {
    if (/\*\//) { state = ""; covered = 1; position = 0 }
    next
}
state == "body" || state == "type" || state == "table" {
    if (/^}/ || (state == "table" && /};$/)) {
        if (state == "body") print "function", place, name, count, FNR - first + 1
        state = ""
        covered = 0
    }
    next
}
state == "" {
    if (/^\/\*/) {
        if (!/\*\//) state = "comment"
        covered = !/^\/\* ----/
        position = 0
        next
    }
    if (/^[ \t]*$/ || /^#/ || /^_Static_assert/) { covered = 0; next }
    if (/[{]$/ && (/= [{]$/ || !/\(/)) { state = / = / ? "table" : "type"; next }
    if (/^(typedef|enum)/ || !/^[A-Za-z_][^=]*\(/) next
    state = "head"
    head = ""
    place = FILENAME ":" FNR
}
state == "head" {
    head = head " " $0
    if (/^$/) {
        state = "" # a macro
    } else if (/;$/ && head !~ /[{]/) {
        declaration(head, header, 1)
        state = ""
    } else if (/[{]/) {
        declaration(head, header, head ~ /static inline/)
        first = FNR
        state = "body"
        if (/}$/ || /} *\/\*/) {
            print "function", place, name, count, 1
            state = ""
        }
    }
}
