/* See sizes.h. */
#include "sizes.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "utf8.h"

#define EXAMPLE_OF_SIZES "512x512,768x512"
#define EXAMPLE_OF_SIZE "512x512"

/* The size at the start of text: how many characters it has. usage_err() at anything else. */
static size_t scan(const char *flag, const char *text, const char *example, lrt_size *size)
{
    int end = 0;
    *size = (lrt_size){0};
    bool found = sscanf(text, "%dx%d%n", &size->width, &size->height, &end) == 2 &&
                 size->width > 0 && size->height > 0;
    if (!found || (text[end] && text[end] != ','))
        usage_err("%s: expected WIDTHxHEIGHT, such as %s, found \"%s\"", flag, example,
                  LRT_BRIEFLY(text));
    if (size->width % 8 || size->height % 8)
        usage_err("%s: found %dx%d, expected multiples of 8", flag, size->width, size->height);
    return (size_t)end;
}

static int place_of(const SizeList *l, const lrt_size *size)
{
    int i = 0;
    while (i < l->n && (l->list[i].width != size->width || l->list[i].height != size->height))
        i++;
    return i;
}

static SizeList list_of(const char *text)
{
    SizeList l = {.n = 0};
    if (!*text)
        usage_err("--sizes: expected WIDTHxHEIGHT, such as " EXAMPLE_OF_SIZES ", found nothing");
    for (const char *s = text; *s; s += *s == ',') {
        lrt_size new;
        if (l.n == MOST_SIZES)
            usage_err("--sizes: found more than %d", MOST_SIZES);
        s += scan("--sizes", s, EXAMPLE_OF_SIZES, &new);
        if (place_of(&l, &new) < l.n)
            usage_err("--sizes: %dx%d is there twice", new.width, new.height);
        l.list[l.n++] = new;
    }
    return l;
}

SizeList sizes_parse(const char *sizes, const char *size)
{
    SizeList l = sizes ? list_of(sizes) : (SizeList){.n = 0};
    lrt_size first;
    if (!size)
        return l;
    if (size[scan("--size", size, EXAMPLE_OF_SIZE, &first)])
        usage_err("--size: expected one size, found \"%s\"", LRT_BRIEFLY(size));
    int at = place_of(&l, &first);
    if (at == l.n && l.n)
        usage_err("--size: found %dx%d, expected one of --sizes %s", first.width, first.height,
                  LRT_BRIEFLY(sizes));
    memmove(&l.list[1], &l.list[0], (size_t)at * sizeof l.list[0]);
    l.list[0] = first;
    l.n += !l.n;
    return l;
}

const char *sizes_text(Arena *a, const SizeList *sizes)
{
    const char *text = NULL;
    for (int i = 0; i < sizes->n; i++)
        text = arena_printf(a, "%s%s%dx%d", text ? text : "", text ? "," : "", sizes->list[i].width,
                            sizes->list[i].height);
    return text;
}
