/* See tokenizer.h. A prompt is cleaned (text.h) and cut into words by a pattern. The bytes of each
 * word are then merged pair by pair, in the order in which the pairs were learned. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "tokenizer.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "utf8.h"
#include "grow.h"

/* The last class is [^\s\p{L}\p{N}] with \s spelled out, since PCRE2 counts U+180E as white space
 * and Unicode no longer does. U+0345, a mark whose capital is a letter, is in no class, since
 * Python's regex module excludes it from negated caseless sets. */
#define WHITE_SPACE \
    "\\x{09}-\\x{0d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define START_OF_TEXT "<|startoftext|>"
#define END_OF_TEXT "<|endoftext|>"
static const char pattern[] =
    "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^" WHITE_SPACE
    "\\x{345}\\p{L}\\p{N}]+";

uint32_t lrt_merge_slot(uint32_t left, uint32_t right, uint32_t n_slots)
{
    uint64_t h = ((uint64_t)left << 32 | right) * 0x9E3779B97F4A7C15ull;
    return (uint32_t)(h >> 40) & (n_slots - 1);
}

static bool ids_in_range(const lrt_vocab *v)
{
    const lrt_vocab_header *h = v->header;
    uint32_t n = h->n_tokens, used = 0;
    for (int b = 0; b < 256; b++)
        if (h->byte_id[b] >= n || h->byte_end_id[b] >= n)
            return false;
    for (uint32_t i = 0; i < h->n_slots; i++) {
        const lrt_merge *m = &v->slots[i];
        if (m->rank == UINT32_MAX)
            continue;
        used++;
        if (m->left >= n || m->right >= n || m->result >= n)
            return false;
    }
    for (uint32_t i = 0; i < n; i++)
        if (v->offsets[i] > v->offsets[i + 1])
            return false;
    return used < h->n_slots && v->offsets[n] == h->text_bytes && h->start < n && h->end < n;
}

bool lrt_vocab_open(const void *blob, size_t bytes, lrt_vocab *v, lrt_error *e)
{
    const lrt_vocab_header *h = blob;
    if (bytes < sizeof *h || memcmp(h->magic, "lrtvocab", 8) || h->version != LRT_VOCAB_VERSION)
        return lrt_fail(e, "the vocabulary has a format that this program cannot read");
    bool power = h->n_slots && !(h->n_slots & (h->n_slots - 1)) && h->n_slots <= 1u << 24;
    uint64_t want = sizeof *h + (uint64_t)h->n_slots * sizeof(lrt_merge) +
                    ((uint64_t)h->n_tokens + 1) * 4 + h->text_bytes;
    *v = (lrt_vocab){.header = h, .slots = (const lrt_merge *)(h + 1)};
    if (power && want == bytes) {
        v->offsets = (const uint32_t *)(v->slots + h->n_slots);
        v->text = (const char *)(v->offsets + h->n_tokens + 1);
        if (ids_in_range(v))
            return true;
    }
    return lrt_fail(e, "the vocabulary is damaged");
}

const char *lrt_token_text(const lrt_vocab *v, int32_t id, size_t *n)
{
    *n = v->offsets[id + 1] - v->offsets[id];
    return v->text + v->offsets[id];
}

static const lrt_merge *find_merge(const lrt_vocab *v, uint32_t left, uint32_t right)
{
    uint32_t n = v->header->n_slots;
    for (uint32_t i = lrt_merge_slot(left, right, n);; i = (i + 1) & (n - 1)) {
        const lrt_merge *m = &v->slots[i];
        if (m->rank == UINT32_MAX)
            return NULL;
        if (m->left == left && m->right == right)
            return m;
    }
}

static void add_token(lrt_tokens *t, uint32_t id)
{
    if (t->n == t->cap && !t->failed) {
        int32_t *ids = lrt_grown(t->ids, &t->cap, sizeof *ids);
        if (ids)
            t->ids = ids;
        else
            t->failed = true;
    }
    if (!t->failed)
        t->ids[t->n++] = (int32_t)id;
}

/* Appends the ids of one word's bytes, then merges them in place. */
static void add_word(const lrt_vocab *v, const char *word, size_t n, lrt_tokens *out)
{
    size_t first = out->n;
    for (size_t i = 0; i < n; i++) {
        unsigned char b = (unsigned char)word[i];
        add_token(out, i + 1 < n ? v->header->byte_id[b] : v->header->byte_end_id[b]);
    }
    if (out->failed)
        return;
    int32_t *w = out->ids + first;
    for (;;) {
        const lrt_merge *best = NULL;
        for (size_t i = 0; i + 1 < n; i++) {
            const lrt_merge *m = find_merge(v, (uint32_t)w[i], (uint32_t)w[i + 1]);
            if (m && (!best || m->rank < best->rank))
                best = m;
        }
        if (!best)
            break;
        size_t kept = 0;
        for (size_t i = 0; i < n; i++) {
            bool here = i + 1 < n && (uint32_t)w[i] == best->left &&
                        (uint32_t)w[i + 1] == best->right;
            w[kept++] = here ? (int32_t)best->result : w[i];
            i += here;
        }
        n = kept;
    }
    out->n = first + n;
}

static bool add_words(const lrt_vocab *v, const char *text, size_t n, lrt_tokens *out, lrt_error *e)
{
    int code;
    PCRE2_SIZE where;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS, &code, &where, NULL);
    pcre2_match_data *match = re ? pcre2_match_data_create_from_pattern(re, NULL) : NULL;
    bool ok = match;
    for (size_t at = 0; ok && at < n;) {
        code = pcre2_match(re, (PCRE2_SPTR)text, n, at, PCRE2_NO_UTF_CHECK, match, NULL);
        if (code < 0) {
            ok = code == PCRE2_ERROR_NOMATCH;
            break;
        }
        const PCRE2_SIZE *range = pcre2_get_ovector_pointer(match);
        const char *word = text + range[0];
        size_t length = range[1] - range[0];
        if (length == strlen(START_OF_TEXT) && !memcmp(word, START_OF_TEXT, length))
            add_token(out, v->header->start);
        else if (length == strlen(END_OF_TEXT) && !memcmp(word, END_OF_TEXT, length))
            add_token(out, v->header->end);
        else
            add_word(v, word, length, out);
        at = range[1];
    }
    pcre2_match_data_free(match);
    pcre2_code_free(re);
    return ok && !out->failed ? true : lrt_fail(e, "out of memory");
}

bool lrt_tokenize(const lrt_vocab *v, const char *prompt, lrt_tokens *out, lrt_error *e)
{
    size_t n = strlen(prompt);
    if (n > LRT_PROMPT_LIMIT)
        return lrt_fail(e, "%zu bytes long: expected at most %d", n, LRT_PROMPT_LIMIT);
    lrt_text raw = {0}, clean = {0};
    bool ok = lrt_text_decode(prompt, n, &raw, e) && lrt_text_clean(&raw, &clean, e);
    char *utf8 = ok ? malloc(4 * clean.n + 1) : NULL;
    if (utf8) {
        size_t bytes = 0;
        for (size_t i = 0; i < clean.n; i++)
            bytes += (size_t)lrt_utf8_encode(clean.data[i], utf8 + bytes);
        add_token(out, v->header->start);
        ok = add_words(v, utf8, bytes, out, e);
        add_token(out, v->header->end);
    }
    if (ok && (!utf8 || out->failed))
        ok = lrt_fail(e, "out of memory");
    free(raw.data);
    free(clean.data);
    free(utf8);
    return ok;
}
