/* Attributes of HDF5 files: lists of texts. See h5.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "err.h"
#include "h5_file.h"

static void add_text(H5 *f, H5Texts *t, const char *s, size_t n)
{
    ARENA_GROW(f->arena, t->list, t->n, t->cap);
    t->list[t->n++] = arena_printf(f->arena, "%.*s", (int)n, s);
}

/* Adds the texts of one open attribute. Returns the fault, NULL when there is none. */
static const char *read_texts(H5 *f, hid_t attribute, hid_t type, hid_t space, H5Texts *into)
{
    hssize_t n = H5Sget_simple_extent_npoints(space);
    if (n == 0)
        return NULL; /* Keras writes a list without members as numbers */
    if (H5Tget_class(type) != H5T_STRING)
        return "has no texts";
    size_t size = H5Tget_size(type);
    if (n < 0 || n > MOST_TEXTS || !size || size > MOST_TEXT_BYTES ||
        (uint64_t)n * size > MOST_TEXT_BYTES)
        return "is too large";
    bool variable = H5Tis_variable_str(type) > 0;
    const char *wrong = NULL;
    char *data = xcalloc((size_t)n, variable ? sizeof(char *) : size);
    hid_t memory = H5Tcopy(type);
    if (H5Aread(attribute, memory, data) < 0)
        wrong = "is damaged";
    for (hssize_t i = 0; i < n && !wrong; i++) {
        const char *s = variable ? ((char **)data)[i] : data + (size_t)i * size;
        size_t length = !s ? 0 : variable ? strlen(s) : strnlen(s, size);
        while (length && !variable && s[length - 1] == ' ' &&
               H5Tget_strpad(type) == H5T_STR_SPACEPAD)
            length--;
        if (!length || length >= MOST_PATH)
            wrong = length ? "has a text that is too long for a name"
                           : "has a text of no characters";
        else
            add_text(f, into, s, length);
    }
    if (variable)
        H5Dvlen_reclaim(memory, space, H5P_DEFAULT, data);
    H5Tclose(memory);
    free(data);
    return wrong;
}

bool h5_add_attribute(H5 *f, const char *group, const char *name, H5Texts *into)
{
    const char *object = *group ? group : ".";
    if (H5Aexists_by_name(f->file, object, name, H5P_DEFAULT) <= 0)
        return false;
    const char *wrong = "is damaged";
    hid_t attribute = H5Aopen_by_name(f->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute),
          space = attribute < 0 ? -1 : H5Aget_space(attribute);
    if (type >= 0 && space >= 0)
        wrong = read_texts(f, attribute, type, space, into);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    if (attribute >= 0)
        H5Aclose(attribute);
    if (wrong)
        err("%s: attribute \"%s\" of \"/%s\" %s, expected names", f->path, name, group, wrong);
    if (into->n > MOST_TEXTS)
        err("%s: attribute \"%s\" of \"/%s\" is too large", f->path, name, group);
    return true;
}

const char **h5_texts(H5 *f, const char *group, const char *attribute, size_t *n)
{
    static const char *none[1];
    H5Texts t = {0};
    char name[64];
    bool there = h5_add_attribute(f, group, attribute, &t), chunk = !there;
    for (int i = 0; chunk && i < 1 << 16; i++) {
        snprintf(name, sizeof name, "%s%d", attribute, i);
        chunk = h5_add_attribute(f, group, name, &t);
        there |= chunk;
    }
    *n = t.n;
    return !there ? NULL : t.list ? t.list : none;
}
