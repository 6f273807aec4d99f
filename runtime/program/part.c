/* See part.h. */
#include "part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

/* Digits alone, below the limit; -1: anything else. */
static int64_t whole(const char *text, size_t n)
{
    int64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9' || v >= LRT_MOST_PARTS)
            return -1;
        v = 10 * v + (text[i] - '0');
    }
    return n && v <= LRT_MOST_PARTS ? v : -1;
}

static bool bad_part(const char *text, lrt_error *e)
{
    return lrt_fail(
        e,
        "--part: expected K/N with K from 0 to N - 1, such as 0/4, or slurm, or slurm/N; found '%s'",
        LRT_BRIEFLY(text));
}

/* The variables of the array that a task of Slurm belongs to. */
typedef struct {
    int64_t id, min, max, step, count;
} Array;

static bool read_array(Array *a, lrt_error *e)
{
    const struct {
        const char *name;
        int64_t *into, least;
    } variables[] = {{"SLURM_ARRAY_TASK_ID", &a->id, 0},
                     {"SLURM_ARRAY_TASK_MIN", &a->min, 0},
                     {"SLURM_ARRAY_TASK_MAX", &a->max, 0},
                     {"SLURM_ARRAY_TASK_STEP", &a->step, 1},
                     {"SLURM_ARRAY_TASK_COUNT", &a->count, 1}};
    for (int i = 0; i < 5; i++) {
        const char *text = getenv(variables[i].name);
        char *end = NULL;
        if (!text)
            return lrt_fail(e, "--part slurm: %s is not set: expected a task of sbatch --array",
                            variables[i].name);
        errno = 0;
        *variables[i].into = strtoll(text, &end, 10);
        if (end == text || *end || errno || *variables[i].into < variables[i].least ||
            *variables[i].into > UINT32_MAX)
            return lrt_fail(e, "--part slurm: %s: expected an integer from %lld on, found '%s'",
                            variables[i].name, (long long)variables[i].least, LRT_BRIEFLY(text));
    }
    return (a->min <= a->id && a->id <= a->max) ||
           lrt_fail(e, "--part slurm: SLURM_ARRAY_TASK_ID is %lld: expected one of %lld to %lld",
                    (long long)a->id, (long long)a->min, (long long)a->max);
}

/* All of the array: which parts there are follows from it. One with gaps is a part of an earlier
 * array that was submitted again, whose other tasks are not known here. */
static bool whole_array(const Array *a, lrt_part *part, lrt_error *e)
{
    *part = (lrt_part){(a->id - a->min) / a->step, a->count};
    if ((a->max - a->min) % a->step == 0 && (a->max - a->min) / a->step + 1 == a->count &&
        (a->id - a->min) % a->step == 0)
        return true;
    return lrt_fail(
        e,
        "--part slurm: the array has gaps: %lld tasks from %lld to %lld, so their lines are not known: give the number of parts, --part slurm/N",
        (long long)a->count, (long long)a->min, (long long)a->max);
}

/* With the number of parts, the id alone says which one it is: the same task, submitted again by
 * itself, has other MIN, MAX, STEP and COUNT. */
static bool of_array(const Array *a, int64_t of, lrt_part *part, lrt_error *e)
{
    *part = (lrt_part){a->id % of, of};
    return a->max - a->min < of ||
           lrt_fail(
               e,
               "--part slurm/%lld: the array's ids go from %lld to %lld: expected at most %lld in a row, so that each has a part of its own",
               (long long)of, (long long)a->min, (long long)a->max, (long long)of);
}

bool lrt_part_read(const char *text, lrt_part *part, bool *usage, lrt_error *e)
{
    *part = (lrt_part){0, 1};
    *usage = false;
    if (!text)
        return true;
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    bool slurm = n == 5 && !memcmp(text, "slurm", 5);
    int64_t k = slurm ? 0 : whole(text, n), of = slash ? whole(slash + 1, strlen(slash + 1)) : 0;
    *usage = k < 0 || (slash ? of < 1 || k >= of : !slurm);
    if (*usage)
        return bad_part(text, e);
    Array a;
    if (slurm)
        return read_array(&a, e) && (slash ? of_array(&a, of, part, e) : whole_array(&a, part, e));
    *part = (lrt_part){k, of};
    return true;
}
