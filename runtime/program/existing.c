/* See existing.h. */
#include "existing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "metadata_keys.h"
#include "output.h"
#include "picture_text.h"

/* The last place of `what` in the text; its end when it is not there. */
static const char *last_of(const char *text, const char *what)
{
    const char *found = NULL;
    for (const char *p = text; (p = strstr(p, what)); p++)
        found = p;
    return found ? found : text + strlen(text);
}

/* The fields end with the version. The seed is among them, behind the prompts. */
static bool same_record(const char *a, const char *b, bool any_seed)
{
    static const char seed[] = ", Seed: ", digits[] = "0123456789";
    size_t n = (size_t)(last_of(a, ", " LRT_OWN_VERSION) - a),
           m = (size_t)(last_of(b, ", " LRT_OWN_VERSION) - b);
    if (!any_seed)
        return n == m && !memcmp(a, b, n);
    size_t p = (size_t)(last_of(a, seed) - a), q = (size_t)(last_of(b, seed) - b);
    if (p != q || p + strlen(seed) > n || q + strlen(seed) > m || memcmp(a, b, p))
        return false;
    p += strlen(seed);
    q += strlen(seed);
    p += strspn(a + p, digits);
    q += strspn(b + q, digits);
    return n - p == m - q && !memcmp(a + p, b + q, n - p);
}

static bool is_file(const char *name)
{
    struct stat st;
    return strcmp(name, LRT_STANDARD_OUTPUT) && !stat(name, &st) && S_ISREG(st.st_mode);
}

lrt_existing lrt_picture_existing(const char *name, const char *want, bool any_seed, lrt_error *why)
{
    static const char *const key = "parameters";
    lrt_found_text found;
    lrt_error unreadable;
    if (!is_file(name))
        return LRT_PICTURE_ABSENT;
    if (!lrt_picture_text(name, &(lrt_text_keys){&key, 1}, &found, &unreadable)) {
        lrt_fail(why, "is no picture that can be read");
        return LRT_PICTURE_OTHER;
    }
    bool same = !found.text || !want ? !found.text && !want
                                     : same_record(found.text, want, any_seed);
    if (!same)
        lrt_fail(why, !found.text ? "records no settings"
                      : want      ? "records other settings"
                                  : "records settings");
    free(found.text);
    return same ? LRT_PICTURE_SAME : LRT_PICTURE_OTHER;
}
