/* See vocab_build.h. Only the compiler and the tests use this; a generator maps the blob. */
#include "vocab_build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "text.h"
#include "utf8.h"

enum { CLIP_MERGES = 48894, LINE_LIMIT = 4096, MOST_BYTES = 16 << 20 };

/* A slot of the hash table from a token's text, as the merges file writes it, to its id. */
typedef struct {
    char *name;
    uint32_t id;
} Entry;
typedef struct {
    Entry *slots;
    uint32_t n_slots, n;
    const lrt_vocab_ids *ids;
    char **text; /* (n_tokens) by id */
    uint32_t n_tokens;
    lrt_merge *merges; /* in order of rank */
    uint32_t n_merges;
    uint32_t byte_id[256], byte_end_id[256], start, end;
    const char *path;
    unsigned line;
    lrt_error *error;
} Builder;

static Entry *slot_of(const Builder *b, const char *name)
{
    uint64_t h = 0xcbf29ce484222325ull;
    for (const char *s = name; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
    for (uint32_t i = (uint32_t)(h ^ h >> 32) & (b->n_slots - 1);; i = (i + 1) & (b->n_slots - 1))
        if (!b->slots[i].name || !strcmp(b->slots[i].name, name))
            return &b->slots[i];
}

/* Adds the next token in CLIP's order. When two merges give the same text, the later id wins, as in
 * a Python dict. */
static bool add_token(Builder *b, const char *name, uint32_t *id)
{
    if (b->ids) {
        if (!b->ids->find(b->ids->context, name, id) || *id >= b->ids->n_tokens)
            return lrt_fail(b->error, "%s:%u: token '%.200s' is not in the vocabulary", b->path,
                            b->line, name);
    } else {
        *id = b->n;
    }
    b->n++;
    Entry *e = slot_of(b, name);
    if (!e->name && !(e->name = strdup(name)))
        return lrt_fail(b->error, "out of memory");
    e->id = *id;
    b->text[*id] = e->name;
    return true;
}

/* character: the printable character that stands for a byte in merges files. order: the bytes in
 * CLIP's order. */
static void byte_characters(uint32_t character[256], uint8_t order[256])
{
    int n = 0, extra = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int c = 0; c < 256; c++) {
            bool printable = (c >= 33 && c <= 126) || (c >= 161 && c <= 172) || c >= 174;
            if (printable != (pass == 0))
                continue;
            character[c] = printable ? (uint32_t)c : 256u + (uint32_t)extra++;
            order[n++] = (uint8_t)c;
        }
}

static bool add_bytes(Builder *b, const uint32_t character[256], const uint8_t order[256])
{
    for (int end = 0; end < 2; end++)
        for (int i = 0; i < 256; i++) {
            char name[16];
            int n = lrt_utf8_encode(character[order[i]], name);
            strcpy(name + n, end ? "</w>" : "");
            uint32_t *id = end ? &b->byte_end_id[order[i]] : &b->byte_id[order[i]];
            if (!add_token(b, name, id))
                return false;
        }
    return true;
}

/* One line "left right". */
static bool add_merge(Builder *b, char *line)
{
    char *rest, *left = strtok_r(line, " \t\r\n", &rest),
                *right = left ? strtok_r(NULL, " \t\r\n", &rest) : NULL;
    if (!left)
        return true; /* an empty line */
    if (!right || strtok_r(NULL, " \t\r\n", &rest))
        return lrt_fail(b->error, "%s:%u: expected two symbols separated by a space", b->path,
                        b->line);
    Entry *l = slot_of(b, left), *r = slot_of(b, right);
    if (!l->name || !r->name)
        return lrt_fail(b->error,
                        "%s:%u: '%.200s' is neither a byte nor the result of an earlier merge",
                        b->path, b->line, l->name ? right : left);
    lrt_merge m = {l->id, r->id, b->n_merges, 0};
    char joined[LINE_LIMIT];
    snprintf(joined, sizeof joined, "%s%s", left, right);
    if (!add_token(b, joined, &m.result))
        return false;
    b->merges[b->n_merges++] = m;
    return true;
}

/* The merges that ids->merge returns. */
static bool take_merges(Builder *b)
{
    const char *line;
    char copy[LINE_LIMIT];
    for (uint32_t i = 0; b->n_merges < CLIP_MERGES && (line = b->ids->merge(b->ids->context, i));
         i++) {
        b->line = i + 1;
        if (snprintf(copy, sizeof copy, "%s", line) >= (int)sizeof copy)
            return lrt_fail(b->error, "%s: merge %u has more than %d bytes", b->path, i + 1,
                            LINE_LIMIT - 1);
        if (!add_merge(b, copy))
            return false;
    }
    return b->n_merges || lrt_fail(b->error, "%s: no merges found", b->path);
}

static bool read_merges(Builder *b)
{
    if (b->ids && b->ids->merge)
        return take_merges(b);
    gzFile f = gzopen(b->path, "rb"); /* reads plain files too */
    if (!f)
        return lrt_fail(b->error, "%s: %s", b->path, strerror(errno));
    char line[LINE_LIMIT];
    bool ok = true;
    while (ok && b->n_merges < CLIP_MERGES && gzgets(f, line, sizeof line)) {
        b->line++;
        if (b->line == 1 && strstr(line, "#version"))
            continue;
        if (gztell(f) > MOST_BYTES)
            ok = lrt_fail(b->error, "%s:%u: more than %d MiB: this is not a merges file", b->path,
                          b->line, MOST_BYTES >> 20);
        else if (strlen(line) == sizeof line - 1)
            ok = lrt_fail(b->error,
                          "%s:%u: a line of more than %d bytes: this is not a merges file", b->path,
                          b->line, LINE_LIMIT - 2);
        else
            ok = add_merge(b, line);
    }
    int code;
    const char *why = gzerror(f, &code);
    if (ok && code != Z_OK && code != Z_STREAM_END)
        ok = lrt_fail(b->error, "%s: %s", b->path,
                      code == Z_BUF_ERROR ? "the compressed file is truncated" : why);
    gzclose(f);
    if (ok && !b->n_merges)
        ok = lrt_fail(b->error,
                      "%s: no merges found: expected a header line, then two symbols a line",
                      b->path);
    return ok;
}

/* The bytes that the characters of a token stand for, with "</w>" as a space; a special token stays
 * as it is. Returns the length. */
static size_t plain_text(const char *name, const int16_t byte_of[512], bool special, char *out)
{
    size_t length = strlen(name), n = 0;
    bool ends = !special && length > 4 && !strcmp(name + length - 4, "</w>");
    lrt_text t = {0};
    lrt_error ignored;
    if (special || !lrt_text_decode(name, length - (ends ? 4 : 0), &t, &ignored)) {
        memcpy(out, name, length);
        n = length;
    } else {
        for (size_t i = 0; i < t.n; i++)
            out[n++] = (char)(t.data[i] < 512 && byte_of[t.data[i]] >= 0 ? byte_of[t.data[i]]
                                                                         : '?');
        if (ends)
            out[n++] = ' ';
    }
    free(t.data);
    return n;
}

static void fill_slots(const Builder *b, lrt_merge *slots, uint32_t n_slots)
{
    memset(slots, 0xff, n_slots * sizeof *slots);
    for (uint32_t k = 0; k < b->n_merges; k++) {
        lrt_merge m = b->merges[k];
        m.left = slot_of(b, b->text[m.left])->id; /* a text that was there twice: its later id */
        m.right = slot_of(b, b->text[m.right])->id;
        m.result = slot_of(b, b->text[m.result])->id;
        uint32_t i = lrt_merge_slot(m.left, m.right, n_slots);
        while (slots[i].rank != UINT32_MAX &&
               (slots[i].left != m.left || slots[i].right != m.right))
            i = (i + 1) & (n_slots - 1);
        slots[i] = m; /* the same pair again: the later rank wins */
    }
}

static void *make_blob(const Builder *b, const uint32_t character[256], size_t *bytes)
{
    uint32_t n_slots = 1024;
    while (n_slots < 2 * b->n_merges)
        n_slots *= 2;
    int16_t byte_of[512];
    memset(byte_of, 0xff, sizeof byte_of);
    for (int c = 0; c < 256; c++)
        byte_of[character[c]] = (int16_t)c;
    size_t text_room = 0, fixed = sizeof(lrt_vocab_header) + n_slots * sizeof(lrt_merge) +
                                  (b->n_tokens + 1) * sizeof(uint32_t);
    for (uint32_t i = 0; i < b->n_tokens; i++)
        text_room += b->text[i] ? strlen(b->text[i]) : 0;
    char *blob = calloc(1, fixed + text_room);
    if (!blob)
        return NULL;
    lrt_vocab_header *h = (lrt_vocab_header *)blob;
    lrt_merge *slots = (lrt_merge *)(h + 1);
    uint32_t *offsets = (uint32_t *)(slots + n_slots);
    char *text = (char *)(offsets + b->n_tokens + 1);
    *h = (lrt_vocab_header){.magic = {'l', 'r', 't', 'v', 'o', 'c', 'a', 'b'},
                            .version = LRT_VOCAB_VERSION,
                            .n_tokens = b->n_tokens,
                            .n_merges = b->n_merges,
                            .n_slots = n_slots,
                            .start = b->start,
                            .end = b->end};
    memcpy(h->byte_id, b->byte_id, sizeof h->byte_id);
    memcpy(h->byte_end_id, b->byte_end_id, sizeof h->byte_end_id);
    fill_slots(b, slots, n_slots);
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n_tokens; i++) {
        offsets[i] = n;
        if (b->text[i])
            n += (uint32_t)plain_text(b->text[i], byte_of, i == b->start || i == b->end, text + n);
    }
    offsets[b->n_tokens] = h->text_bytes = n;
    *bytes = fixed + n;
    return blob;
}

void *lrt_vocab_build(const char *merges_path, const lrt_vocab_ids *ids, size_t *bytes,
                      lrt_error *e)
{
    enum { MOST = 512 + CLIP_MERGES + 2 };
    Builder b = {.n_slots = 1u << 17,
                 .ids = ids,
                 .path = merges_path,
                 .error = e,
                 .n_tokens = ids ? ids->n_tokens : MOST};
    uint32_t character[256];
    uint8_t order[256];
    byte_characters(character, order);
    b.slots = calloc(b.n_slots, sizeof *b.slots);
    b.text = calloc(b.n_tokens ? b.n_tokens : 1, sizeof *b.text);
    b.merges = malloc(CLIP_MERGES * sizeof *b.merges);
    void *blob = NULL;
    if (!b.slots || !b.text || !b.merges)
        lrt_fail(e, "out of memory");
    else if (add_bytes(&b, character, order) && read_merges(&b) &&
             add_token(&b, "<|startoftext|>", &b.start) && add_token(&b, "<|endoftext|>", &b.end)) {
        if (!ids)
            b.n_tokens = b.n;
        blob = make_blob(&b, character, bytes);
        if (!blob)
            lrt_fail(e, "out of memory");
    }
    for (uint32_t i = 0; b.slots && i < b.n_slots; i++)
        free(b.slots[i].name);
    free(b.slots);
    free(b.text);
    free(b.merges);
    return blob;
}
