/* trace FILE.json: checks a Chrome trace of --profile: every event complete, kernels of a thread
 * one after the other and inside a region, regions one after the other. Prints a line "REGION
 * COUNT" for each kind of region ("step 3" counts as "step"), then "threads N", "kernels N", "gflop
 * X" (of all kernels). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "json.h"

enum { MOST_THREADS = 64, MOST_NAMES = 32 };
typedef struct {
    double begin, end;
} Span;

/* Nanoseconds: exact, where microseconds with three decimals are not. */
static double nanoseconds(Json event, const char *key)
{
    double t = json_number(json_need(event, key));
    if (t < 0)
        json_err(event, "\"%s\" is negative", key);
    return nearbyint(t * 1000);
}

static Span span_of(Json event)
{
    double begin = nanoseconds(event, "ts");
    return (Span){begin, begin + nanoseconds(event, "dur")};
}

int main(int argc, char **argv)
{
    if (argc != 2)
        usage_err("trace FILE.json");
    Json root = json_load(argv[1]), events = json_need(root, "traceEvents");
    char names[MOST_NAMES][32];
    int count[MOST_NAMES] = {0}, n_names = 0, kernels = 0;
    double last[MOST_THREADS] = {0}, last_beside = 0, flops = 0;
    bool seen[MOST_THREADS] = {false};
    Span region = {0, 0};
    for (Json e = json_first(events); json_ok(e); e = json_next(e)) {
        if (strcmp(json_string(json_need(e, "ph")), "M") == 0)
            continue;
        json_int(json_need(e, "pid"), 1, 1);
        int thread = (int)json_int(json_need(e, "tid"), 0, MOST_THREADS - 1);
        const char *name = json_string(json_need(e, "name"));
        Span s = span_of(e);
        if (strcmp(json_string(json_need(e, "cat")), "region") == 0) {
            bool beside = thread > 0; /* written while the next picture is drawn */
            if (s.begin < (beside ? last_beside : region.end))
                json_err(e, "the region begins before the last one ends");
            *(beside ? &last_beside : &region.end) = s.end;
            region.begin = beside ? region.begin : s.begin;
            int i = 0, length = (int)strcspn(name, "0123456789");
            while (length > 0 && name[length - 1] == ' ')
                length--;
            while (i < n_names && (strncmp(names[i], name, (size_t)length) || names[i][length]))
                i++;
            if (i == n_names && n_names < MOST_NAMES)
                snprintf(names[n_names++], sizeof names[0], "%.*s", length, name);
            count[i]++;
            continue;
        }
        if (s.begin < region.begin || s.end > region.end || s.begin < last[thread])
            json_err(e, "the kernel is not inside its region, or overlaps the one before it");
        Json args = json_need(e, "args");
        json_string(json_need(args, "kind"));
        json_number(json_need(args, "bytes"));
        flops += json_number(json_need(args, "flops"));
        last[thread] = s.end;
        seen[thread] = true;
        kernels++;
    }
    int threads = 0;
    for (int i = 0; i < MOST_THREADS; i++)
        threads += seen[i];
    for (int i = 0; i < n_names; i++)
        printf("%s %d\n", names[i], count[i]);
    printf("threads %d\nkernels %d\ngflop %.4f\n", threads, kernels, flops / 1e9);
    json_free(root);
    return 0;
}
