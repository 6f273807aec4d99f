/* What documents and schemas say about operations is what ops.def and the tables of attributes say.
 * Two texts come from the rows: the table of operations in docs/graph-language.md and the names in
 * graphs/schema/graph.schema.json. UPDATE_GOLDEN=1 writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "attr.h"
#include "graph_ops.h"
#include "buf.h"
#include "files.h"
#include "outfile.h"

#define DOCUMENT SOURCE_DIR "/docs/graph-language.md"
#define SCHEMA SOURCE_DIR "/graphs/schema/graph.schema.json"

typedef struct {
    const char *name;
    int in_files;
    const char *operands, *text, *weights;
} Row;
static const Row rows[OP_COUNT] = {
#define OP(e, name, attr, least, most, rule, in_files, operands, text, weights) \
    [OP_##e] = {#name, in_files, operands, text, weights},
#include "ops.def"
};

static void cell(Buf *b, const char *text) { buf_printf(b, *text ? " %s |" : " |", text); }

static void document_table(Buf *b)
{
    for (int k = 0; k < OP_COUNT; k++) {
        if (!rows[k].in_files)
            continue;
        buf_printf(b, "\n| `%s` |", rows[k].name);
        cell(b, rows[k].operands);
        cell(b, rows[k].text);
        cell(b, rows[k].weights);
    }
}

/* "conv2d", "dense", ...: lines of at most 140 columns, as they stand in the schema */
static void schema_names(Buf *b)
{
    size_t line = 0;
    for (int k = 0; k < OP_COUNT; k++) {
        if (!rows[k].in_files)
            continue;
        if (b->len - line > 120) {
            buf_printf(b, ",\n          ");
            line = b->len;
        } else if (b->len) {
            buf_printf(b, ", ");
        }
        buf_printf(b, "\"%s\"", rows[k].name);
    }
}

/* The text of the file between the marks is `expected`. */
static void compare_region(const char *path, const char *from, const char *to, const Buf *expected)
{
    char *text = read_file(path, NULL), *begin = strstr(text, from);
    assert_non_null(begin);
    begin += strlen(from);
    char *end = strstr(begin, to);
    assert_non_null(end);
    size_t n = (size_t)(end - begin);
    bool same = n == expected->len && memcmp(begin, expected->data, n) == 0;
    if (!same && getenv("UPDATE_GOLDEN")) {
        OutFile *f = outfile_open(path);
        outfile_write(f, text, (size_t)(begin - text));
        outfile_write(f, expected->data, expected->len);
        outfile_write(f, end, strlen(end));
        outfile_commit(f, 0644);
    } else if (!same) {
        fail_msg("%s differs from ops.def (UPDATE_GOLDEN=1 writes it); expected:\n%.*s", path,
                 (int)expected->len, expected->data);
    }
    free(text);
}

static void test_document(void **state)
{
    (void)state;
    Buf b = {0};
    document_table(&b);
    compare_region(DOCUMENT, "| op | in | attributes | weights |\n|---|---|---|---|", "\n\n", &b);
    buf_free(&b);
}

static void test_schema_names(void **state)
{
    (void)state;
    Buf b = {0};
    schema_names(&b);
    compare_region(SCHEMA, "\"op\": {\"enum\": [", "]}", &b);
    buf_free(&b);
}

/* Every member that the reader takes is explained in the operation's row of the document. */
static void test_members_are_explained(void **state)
{
    (void)state;
    for (int k = 0; k < OP_COUNT; k++) {
        const char *members[MOST_MEMBERS];
        size_t n = op_members((OpKind)k, members);
        for (size_t i = 0; i < n; i++) {
            char quoted[64];
            snprintf(quoted, sizeof quoted, "`%s`", members[i]);
            if (!strstr(rows[k].text, quoted))
                fail_msg("ops.def: the row of %s does not explain %s", rows[k].name, quoted);
        }
    }
}

static bool is_member(const char *name)
{
    static const char *const common[] = {"op", "path", "in", "out", "about", "weights"};
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
        if (strcmp(common[i], name) == 0)
            return true;
    for (int k = 0; k < OP_COUNT; k++) {
        const char *members[MOST_MEMBERS];
        size_t n = op_members((OpKind)k, members);
        for (size_t i = 0; i < n; i++)
            if (strcmp(members[i], name) == 0)
                return true;
    }
    return false;
}

/* The schema has every member that the reader takes, and no other. */
static void test_schema_members(void **state)
{
    (void)state;
    Json root = json_load(SCHEMA), operation = json_need(json_need(root, "$defs"), "operation"),
         properties = json_need(operation, "properties");
    for (Json p = json_first(properties); json_ok(p); p = json_next(p))
        if (!is_member(json_key(p)))
            fail_msg("%s: no operation takes \"%s\"", SCHEMA, json_key(p));
    for (int k = 0; k < OP_COUNT; k++) {
        const char *members[MOST_MEMBERS];
        size_t n = op_members((OpKind)k, members);
        for (size_t i = 0; i < n; i++)
            if (!json_ok(json_get(properties, members[i])))
                fail_msg("%s: \"%s\" of %s is missing", SCHEMA, members[i], rows[k].name);
    }
    json_free(root);
}

/* Rows of one kind have different names: the text form reads them back by name. */
static void test_names_differ(void **state)
{
    (void)state;
    for (int i = 0; i < OP_COUNT; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(op_names[i], op_names[k]);
    for (int i = 0; i < ACT_COUNT; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(activation_names[i], activation_names[k]);
    for (int i = 0; i < PRE_COUNT; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(prologue_names[i], prologue_names[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_schema_names),
        cmocka_unit_test(test_members_are_explained),
        cmocka_unit_test(test_schema_members),
        cmocka_unit_test(test_names_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
