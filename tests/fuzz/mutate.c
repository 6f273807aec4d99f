/* See mutate.h. */
#include "mutate.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "err.h"
#include "files.h"

enum { MOST_BYTES = 1 << 16, LOG_MOST_CHANGES = 3 };

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

void corpus_add(Corpus *c, const char *folder)
{
    struct dirent **names;
    int n = scandir(folder, &names, NULL, by_name);
    if (n < 0)
        err("%s: no such folder", folder);
    for (int i = 0; i < n; i++) {
        char path[4096];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        free(names[i]);
        if (stat(path, &st) || !S_ISREG(st.st_mode))
            continue;
        GROW(c->files, c->n, c->cap);
        CorpusFile *f = &c->files[c->n++];
        *f = (CorpusFile){.path = xstrdup(path)};
        f->data = (uint8_t *)read_file(path, &f->bytes);
    }
    free(names);
}

typedef struct {
    uint64_t state;
    uint8_t *data;
    size_t n;
} Input;

static uint64_t below(Input *in, uint64_t n)
{
    uint64_t z = in->state += 0x9E3779B97F4A7C15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (z ^ z >> 31) % n;
}

/* Replaces `cut` bytes at `at` by `n` others. */
static void splice(Input *in, size_t at, size_t cut, const void *with, size_t n)
{
    if (in->n - cut + n > MOST_BYTES)
        return;
    uint8_t *out = xmalloc(in->n - cut + n + 1);
    memcpy(out, in->data, at);
    memcpy(out + at, with, n);
    memcpy(out + at + n, in->data + at + cut, in->n - at - cut);
    free(in->data);
    in->data = out;
    in->n += n - cut;
}

static void flip_bit(Input *in)
{
    if (in->n)
        in->data[below(in, in->n)] ^= (uint8_t)(1u << below(in, 8));
}

static void set_byte(Input *in)
{
    static const char special[] = "{}[]\",:0-e\\u%\n\t /.\x80\xff";
    if (in->n)
        in->data[below(in, in->n)] = (uint8_t)special[below(in, sizeof special)];
}

static size_t length_of_cut(Input *in, size_t at)
{
    size_t most = in->n - at, n = 1 + below(in, 1u << below(in, 12));
    return n < most ? n : most;
}

static void remove_range(Input *in)
{
    size_t at = in->n ? below(in, in->n) : 0;
    splice(in, at, length_of_cut(in, at), "", 0);
}

static void repeat_range(Input *in)
{
    size_t from = in->n ? below(in, in->n) : 0, n = length_of_cut(in, from);
    uint8_t *copy = xmalloc(n + 1);
    memcpy(copy, in->data + from, n);
    splice(in, below(in, in->n + 1), 0, copy, n);
    free(copy);
}

static void cut_short(Input *in) { in->n = below(in, in->n + 1); }

/* Texts that readers may take for something. */
static const char *const words[] = {
    "0",
    "-1",
    "1",
    "2147483648",
    "18446744073709551616",
    "1e999",
    "-0.0",
    "0x10",
    "NaN",
    "Infinity",
    "-Infinity",
    "null",
    "true",
    "{}",
    "[]",
    "\"\"",
    "\"a\"",
    "\\u0000",
    "\\ud800",
    "\xef\xbb\xbf",
    "\xc3\x28",
    "\xe2\x80\xae",
    "\r\n",
    "\\",
    "../../",
    "/dev/zero",
    "%s%n",
    ", ",
    ": ",
    "\"a\": 1, ",
    "[[[[[[[[[[[[[[[[",
    "{\"a\":{\"a\":{\"a\":{\"a\":",
    "F32",
    "BF16",
    "I64",
};

static void insert_word(Input *in)
{
    const char *word = words[below(in, sizeof words / sizeof *words)];
    splice(in, below(in, in->n + 1), 0, word, strlen(word));
}

/* Another number where the file has one. */
static void replace_number(Input *in)
{
    size_t at = in->n ? below(in, in->n) : 0, n = 0;
    while (at < in->n && (in->data[at] < '0' || in->data[at] > '9'))
        at++;
    while (at + n < in->n && in->data[at + n] >= '0' && in->data[at + n] <= '9')
        n++;
    const char *word = words[below(in, 10)];
    splice(in, at, n, word, strlen(word));
}

/* A few bytes as a little-endian number: sizes and offsets of binary files. */
static void replace_word(Input *in)
{
    static const uint64_t numbers[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, UINT64_MAX};
    size_t n = (size_t)1 << below(in, 4), at = in->n > n ? below(in, in->n - n) : 0;
    uint64_t number = numbers[below(in, sizeof numbers / sizeof *numbers)] + below(in, 2);
    if (in->n > n)
        memcpy(in->data + at, &number, n);
}

static void change(Input *in)
{
    static void (*const changes[])(Input *) = {flip_bit,     set_byte,     remove_range,
                                               repeat_range, cut_short,    insert_word,
                                               insert_word,  replace_word, replace_number};
    changes[below(in, sizeof changes / sizeof *changes)](in);
}

/* The head of one file and the tail of another. */
static void cross(Input *in, const CorpusFile *other)
{
    if (!other->bytes)
        return;
    size_t from = below(in, other->bytes), at = below(in, in->n + 1);
    splice(in, at, in->n - at, other->data + from, other->bytes - from);
}

uint8_t *corpus_input(const Corpus *c, uint64_t seed, uint64_t number, size_t *bytes)
{
    Input in = {.state = seed * 0x9E3779B97F4A7C15u ^ number};
    const CorpusFile *f = &c->files[below(&in, (uint64_t)c->n)];
    in.n = f->bytes;
    in.data = xmalloc(in.n + 1);
    memcpy(in.data, f->data, in.n);
    if (below(&in, 8) == 0)
        cross(&in, &c->files[below(&in, (uint64_t)c->n)]);
    for (uint64_t n = 1 + below(&in, 1u << below(&in, LOG_MOST_CHANGES + 1)); n > 0; n--)
        change(&in);
    uint8_t *out = xmalloc(in.n ? in.n : 1);
    memcpy(out, in.data, in.n);
    free(in.data);
    *bytes = in.n;
    return out;
}
