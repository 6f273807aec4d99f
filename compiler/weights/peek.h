/* What can be seen of a file or folder before a reader opens it. */
#ifndef LATENTC_PEEK_H
#define LATENTC_PEEK_H
#include <stdbool.h>
#include <stddef.h>

#include "arena.h"

typedef struct {
    /* The path. */
    const char *spec;
    bool folder;
    /* A file's first n bytes: the whole header where the file begins as safetensors do, else up to
     * 4096 bytes. */
    const char *head;
    size_t n;
    /* The file begins with a length, then '{'. */
    bool safetensors;
} Peek;

/* Looks at path; memory is the arena's. err() when it cannot be read, or is neither a file nor a
 * folder. */
Peek peek_at(Arena *a, const char *path);

/* What to say after "No such file or directory" when spec looks like a name on the Hugging Face
 * hub ("stabilityai/sd-turbo") or an address: how to download it. "": it looks like neither. */
const char *hub_advice(Arena *a, const char *spec);

/* Is the text somewhere in the head? */
bool peek_has(const Peek *p, const char *text);

/* Does the head begin with these n bytes? */
bool peek_begins(const Peek *p, const void *magic, size_t n);
#endif
