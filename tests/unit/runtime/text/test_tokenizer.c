/* The tokenizer: cleaning, byte-pair encoding on a vocabulary made here, damaged vocabularies;
 * CLIP's own ids where its files are at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "json.h"
#include "text.h"
#include "tokenizer.h"
#include "utf8.h"
#include "vocab_build.h"

/* Expected: what Python's html.unescape (twice), strip, white-space runs, strip, lower give. */
static void test_clean(void **state)
{
    /* clang-format off */
    static const struct {
        const char *in, *out;
    } cases[] = {
        /* clang-format on */
        {"", ""},
        {"  Two   Words ", "two words"},
        {"&lt;b&gt; &amp;amp; &#39;q&#39; &nbsp;x", "<b> & 'q' x"},
        {"\034X\037", "x"},
        {"\316\237\316\224\316\245\316\243\316\243\316\225\316\245\316\243",
         "\316\277\316\264\317\205\317\203\317\203\316\265\317\205\317\202"},
        {"\316\243", "\317\203"},
        {"\316\221\316\243.\316\243 \316\221\316\243!",
         "\316\261\317\203.\317\202 \316\261\317\202!"},
        {"A\316\243\314\201 A\316\243\314\201B", "a\317\202\314\201 a\317\203\314\201b"},
        {"\304\260stanbul", "i\314\207stanbul"},
        {"&notit; &notin; &noti", "\302\254it; \342\210\211 \302\254i"},
        {"&#x41;&#66&#0;&#128;&#55296;&#1114112;x",
         "ab\357\277\275\342\202\254\357\277\275\357\277\275x"},
        {"&#11;&#xFFFE;y", "y"},
        {"&;&#;&#x;&a", "&;&#;&#x;&a"},
        {"a\343\200\200\342\200\250b\302\205c", "a b c"},
        {"&CounterClockwiseContourIntegral;", "\342\210\263"},
        {"&NotEqualTilde;", "\342\211\202\314\270"},
        {"\342\222\266\342\205\247 K", "\342\223\220\342\205\267 k"},
        {"a\342\200\213b", "a\342\200\213b"},
        {"\357\273\277bom", "\357\273\277bom"},
        {"&amp;lt;tag&amp;gt;", "<tag>"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lrt_text raw = {0}, clean = {0};
        lrt_error e;
        assert_true(lrt_text_decode(cases[i].in, strlen(cases[i].in), &raw, &e));
        assert_true(lrt_text_clean(&raw, &clean, &e));
        char out[512];
        size_t n = 0;
        for (size_t k = 0; k < clean.n; k++)
            n += (size_t)lrt_utf8_encode(clean.data[k], out + n);
        out[n] = '\0';
        assert_string_equal(out, cases[i].out);
        free(raw.data);
        free(clean.data);
    }
}

/* Ids 512, 513, ... in this order; the one after the last begins a text. "é" is the bytes that
 * merges files write as U+00C3 U+00A9. */
static const char merges[] =
    "#version: 0.2\nt h\nth e</w>\nr e\nre d</w>\n1 2</w>\na a\naa a</w>\n\303\203 \302\251</w>\n";
enum { N_MERGES = 8, TH = 512, THE_, RE, RED_, TWELVE_, AA, AAA_, E_ACUTE_, START, END };

static char *write_file(const char *content, bool compressed)
{
    char *path = strdup("/tmp/latentc-vocab-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    if (compressed) {
        gzFile f = gzdopen(fd, "wb");
        assert_int_equal(gzwrite(f, content, (unsigned)strlen(content)), (int)strlen(content));
        gzclose(f);
    } else {
        assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
        close(fd);
    }
    return path;
}

static void *build(const char *content, bool compressed, size_t *bytes, lrt_error *e)
{
    char *path = write_file(content, compressed);
    void *blob = lrt_vocab_build(path, NULL, bytes, e);
    unlink(path);
    free(path);
    return blob;
}

static void check_ids(const lrt_vocab *v, const char *prompt, const int32_t *ids, size_t n)
{
    lrt_tokens t = {0};
    lrt_error e;
    assert_true(lrt_tokenize(v, prompt, &t, &e));
    assert_int_equal(t.n, n);
    assert_memory_equal(t.ids, ids, n * sizeof *ids);
    free(t.ids);
}
#define CHECK_IDS(v, prompt, ...)                  \
    check_ids(v, prompt, (int32_t[]){__VA_ARGS__}, \
              sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static void test_own_vocabulary(void **state)
{
    (void)state;
    for (int compressed = 0; compressed < 2; compressed++) {
        size_t bytes, n;
        lrt_error e;
        lrt_vocab v;
        void *blob = build(merges, compressed, &bytes, &e);
        assert_non_null(blob);
        assert_true(lrt_vocab_open(blob, bytes, &v, &e));
        assert_int_equal(v.header->n_tokens, 512 + N_MERGES + 2);
        CHECK_IDS(&v, "", START, END);
        CHECK_IDS(&v, " The  RED\n", START, THE_, RED_, END);
        CHECK_IDS(&v, "th", START, 't' - 33, 'h' - 33 + 256,
                  END); /* the merge of t and h is not the one at a word's end */
        CHECK_IDS(&v, "there", START, TH, 'e' - 33, 'r' - 33, 'e' - 33 + 256, END);
        CHECK_IDS(&v, "12", START, '1' - 33 + 256, '2' - 33 + 256, END); /* digits stand alone */
        CHECK_IDS(&v, "aaaa", START, AA, 'a' - 33, 'a' - 33 + 256, END);
        CHECK_IDS(&v, "aaa", START, AAA_, END);
        CHECK_IDS(&v, "\303\211", START, E_ACUTE_, END);
        CHECK_IDS(&v, "<|startoftext|>the<|EndOfText|>", START, START, THE_, END, END);
        const char *text = lrt_token_text(&v, RED_, &n);
        assert_int_equal(n, 4);
        assert_memory_equal(text, "red ", 4);
        free(blob);
    }
}

static void test_bad_prompts(void **state)
{
    static const struct {
        const char *prompt;
        int offset;
    } cases[] = {{"ab\xff", 2},   {"\xc3", 0},         {"a\xe2\x82", 1},
                 {"\xc0\x80", 0}, {"\xed\xa0\x80", 0}, {"\xf4\x90\x80\x80", 0},
                 {"x\x80", 1}};
    size_t bytes;
    lrt_error e;
    lrt_vocab v;
    void *blob = build(merges, false, &bytes, &e);
    (void)state;
    assert_true(lrt_vocab_open(blob, bytes, &v, &e));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lrt_tokens t = {0};
        char want[32];
        snprintf(want, sizeof want, "byte %d ", cases[i].offset);
        assert_false(lrt_tokenize(&v, cases[i].prompt, &t, &e));
        assert_non_null(strstr(e.text, want));
        free(t.ids);
    }
    char *longer = malloc(LRT_PROMPT_LIMIT + 2);
    memset(longer, 'a', LRT_PROMPT_LIMIT + 1);
    longer[LRT_PROMPT_LIMIT + 1] = '\0';
    lrt_tokens t = {0};
    assert_false(lrt_tokenize(&v, longer, &t, &e));
    longer[LRT_PROMPT_LIMIT] = '\0';
    assert_true(lrt_tokenize(&v, longer, &t, &e));
    free(t.ids);
    free(longer);
    free(blob);
}

static void test_bad_vocabularies(void **state)
{
    size_t bytes;
    lrt_error e;
    lrt_vocab v;
    (void)state;
    assert_null(build("#version: 0.2\nt h\nx yz\n", false, &bytes, &e));
    assert_non_null(strstr(e.text, ":3: 'yz'"));
    assert_null(build("#version: 0.2\na b c\n", false, &bytes, &e));
    assert_null(build("", false, &bytes, &e));
    assert_null(lrt_vocab_build("/nonexistent/merges.txt", NULL, &bytes, &e));
    char *blob = build(merges, false, &bytes, &e), *copy = malloc(bytes);
    for (size_t cut = 0; cut < bytes; cut += 97) {
        memcpy(copy, blob, bytes);
        assert_false(lrt_vocab_open(copy, cut, &v, &e));
    }
    ((lrt_vocab_header *)copy)->byte_id[7] = 100000;
    assert_false(lrt_vocab_open(copy, bytes, &v, &e));
    free(copy);
    free(blob);
}

static void test_clip_vectors(void **state)
{
    const char *folder = SOURCE_DIR "/../shared/reference/clip";
    char path[1024];
    (void)state;
    snprintf(path, sizeof path, "%s/bpe_simple_vocab_16e6.txt.gz", folder);
    if (access(path, R_OK)) {
        print_message("skipped: CLIP's vocabulary is not at hand\n");
        skip();
    }
    size_t bytes;
    lrt_error e;
    lrt_vocab v;
    void *blob = lrt_vocab_build(path, NULL, &bytes, &e);
    assert_non_null(blob);
    assert_true(lrt_vocab_open(blob, bytes, &v, &e));
    assert_int_equal(v.header->n_tokens, 49408);
    snprintf(path, sizeof path, "%s/token-vectors.json", folder);
    Json root = json_load(path);
    for (Json x = json_first(json_need(root, "vectors")); json_ok(x); x = json_next(x)) {
        lrt_tokens t = {0};
        Json ids = json_need(x, "ids"), id = json_first(ids);
        assert_true(lrt_tokenize(&v, json_string(json_need(x, "prompt")), &t, &e));
        assert_int_equal(t.n, json_count(ids));
        for (size_t i = 0; i < t.n; i++, id = json_next(id))
            assert_int_equal(t.ids[i], json_int(id, 0, 49407));
        free(t.ids);
    }
    json_free(root);
    free(blob);
}

/* Prompts whose characters compose, and the ids of transformers' tokenizer
 * (recorded/record_tokens.py): "PROMPT AS JSON\tIDS". */
static void test_composed(void **state)
{
    size_t bytes, line_bytes = 0;
    lrt_error e;
    lrt_vocab v;
    (void)state;
    void *blob = lrt_vocab_build(SOURCE_DIR "/graphs/shapes/merges.txt", NULL, &bytes, &e);
    FILE *f = fopen(TEST_DATA_DIR "/tokens.txt", "r");
    char *line = NULL;
    int n = 0;
    assert_true(blob && f && lrt_vocab_open(blob, bytes, &v, &e));
    for (; getline(&line, &line_bytes, f) > 0; n++) {
        char *tab = strchr(line, '\t'), ids[512] = "";
        assert_non_null(tab);
        *tab = '\0';
        tab[1 + strcspn(tab + 1, "\n")] = '\0';
        Json prompt = json_parse(line, strlen(line), "tokens.txt");
        lrt_tokens t = {0};
        assert_true(lrt_tokenize(&v, json_string(prompt), &t, &e));
        for (size_t i = 0, at = 0; i < t.n; i++)
            at += (size_t)snprintf(ids + at, sizeof ids - at, i ? " %d" : "%d", t.ids[i]);
        if (strcmp(ids, tab + 1))
            fail_msg("%s: found %s, expected %s", line, ids, tab + 1);
        free(t.ids);
        json_free(prompt);
    }
    assert_true(n > 20);
    fclose(f);
    free(line);
    free(blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),       cmocka_unit_test(test_own_vocabulary),
        cmocka_unit_test(test_bad_prompts), cmocka_unit_test(test_bad_vocabularies),
        cmocka_unit_test(test_composed),    cmocka_unit_test(test_clip_vectors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
