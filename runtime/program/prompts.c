/* See prompts.h. */
#include "prompts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "numbered_name.h"
#include "output.h"
#include "output_place.h"
#include "scan.h"
#include "text.h"

typedef struct {
    const char *path;
    const lrt_pipeline *p;
    lrt_jobs *jobs;
    lrt_job *job; /* of the line */
    int line;
    lrt_error *e;
} Reading;

/* "FILE:LINE: why"; always false. */
static bool bad_line(const Reading *x, const char *why)
{
    return lrt_fail(x->e, "%.200s:%d: %.280s", x->path, x->line, why);
}

/* Gives the text, malloc'd, to the jobs. false when memory is short or text is NULL; the text is
 * then freed. */
static bool keep(const Reading *x, char *text)
{
    lrt_jobs *j = x->jobs;
    if (text && !(j->n_texts & (j->n_texts - 1))) { /* room for a power of two */
        char **more = realloc(j->texts, (j->n_texts ? 2 * j->n_texts : 1) * sizeof *more);
        if (!more) {
            free(text);
            text = NULL;
        } else {
            j->texts = more;
        }
    }
    if (!text)
        return lrt_fail(x->e, "out of memory");
    j->texts[j->n_texts++] = text;
    return true;
}

/* ---- a line -----------------------------------------------------------------------------------
 */

static bool set_option(Reading *x, const char *name, const char *value)
{
    lrt_error why;
    char text[160];
    int i = lrt_setting_find(name);
    if (i >= 0 && lrt_settings_traits[i].scope == LRT_SCOPE_RUN) {
        snprintf(text, sizeof text,
                 "\"%.60s\" holds for the whole run: it goes on the command line", name);
        return bad_line(x, text);
    }
    x->job->own_output |= i == LRT_SETTING_output;
    return lrt_settings_assign(&x->job->set, x->p, name, value, &why) || bad_line(x, why.text);
}

/* Python writes null where it has no value: the member is not there. */
static bool take_null(lrt_scan *s)
{
    bool null = lrt_scan_peek(s) == 'n' && s->end - s->p >= 4 && !memcmp(s->p, "null", 4);
    s->p += null ? 4 : 0;
    return null;
}

/* "name": value. seen: the earlier names, each in a line of its own. */
static bool take_member(Reading *x, lrt_scan *s, FILE *seen, char *const *seen_text)
{
    char *name = lrt_scan_string(s);
    if (!name)
        return false;
    for (char *c = name; *c; c++)
        *c = *c == '_' ? '-' : *c;
    char mark[80], why[120];
    snprintf(mark, sizeof mark, "\n%.70s\n", name);
    snprintf(why, sizeof why, "\"%.70s\" is there twice", name);
    bool ok = !fflush(seen) && (!strstr(*seen_text, mark) || bad_line(x, why)) &&
              (lrt_scan_take(s, ':') || lrt_scan_fail(s, "':'"));
    fputs(mark, seen);
    if (ok && take_null(s)) {
        ok = lrt_setting_find(name) >= 0 || set_option(x, name, "");
    } else {
        char *value = ok ? lrt_scan_scalar(s) : NULL;
        ok = value && keep(x, value) && set_option(x, name, value);
    }
    free(name);
    return ok;
}

static bool take_object(Reading *x, const char *text, size_t n)
{
    char place[256], *names = NULL;
    size_t bytes;
    snprintf(place, sizeof place, "%.200s:%d: column", x->path, x->line);
    lrt_scan s = {text, text + n, text - 1, place, x->e};
    FILE *seen = open_memstream(&names, &bytes);
    if (!seen)
        return lrt_fail(x->e, "out of memory");
    bool ok = lrt_scan_take(&s, '{');
    if (!lrt_scan_take(&s, '}')) {
        do
            ok = take_member(x, &s, seen, &names);
        while (ok && lrt_scan_take(&s, ','));
        ok = ok && (lrt_scan_take(&s, '}') || lrt_scan_fail(&s, "',' or '}'"));
    }
    lrt_scan_peek(&s);
    ok = ok && (s.p == s.end || lrt_scan_fail(&s, "the end of the line"));
    fclose(seen);
    free(names);
    return ok;
}

static bool take_prompt(Reading *x, const char *text, size_t n)
{
    char *prompt = strndup(text, n);
    x->job->set.prompt = prompt;
    return keep(x, prompt);
}

static bool check_text(const Reading *x, const char *text, size_t n)
{
    lrt_text decoded = {0};
    lrt_error why;
    bool ok = lrt_text_decode(text, n, &decoded, &why) || bad_line(x, why.text);
    free(decoded.data);
    if (ok && memchr(text, '\0', n))
        return bad_line(x, "a zero byte: expected text");
    return ok;
}

/* A line of n bytes, without its end. */
static bool take_line(Reading *x, const lrt_settings *base, const char *text, size_t n)
{
    lrt_jobs *j = x->jobs;
    lrt_error why;
    if (!check_text(x, text, n))
        return false;
    if (!(j->n & (j->n - 1))) {
        lrt_job *more = realloc(j->jobs, (j->n ? 2 * j->n : 1) * sizeof *more);
        if (!more)
            return lrt_fail(x->e, "out of memory");
        j->jobs = more;
    }
    x->job = &j->jobs[j->n++];
    *x->job = (lrt_job){.set = *base, .line = x->line, .first = j->pictures + 1};
    if (!(*text == '{' ? take_object(x, text, n) : take_prompt(x, text, n)))
        return false;
    if (!x->job->set.prompt)
        return bad_line(x, "no prompt: expected \"prompt\": \"...\"");
    lrt_settings_fast(&x->job->set, x->p);
    if (!lrt_settings_check(&x->job->set, x->p, &why) ||
        !lrt_settings_check_output(&x->job->set, &why))
        return bad_line(x, why.text);
    x->job->any_seed = lrt_seed_choose(&x->job->set.seed);
    j->pictures += x->job->set.batch_count;
    if (j->pictures > LRT_MOST_PICTURES)
        return bad_line(x, "more than a million pictures");
    return true;
}

/* ---- the file ---------------------------------------------------------------------------------
 */

typedef struct {
    char *name, *file; /* file: however its name is spelled */
    int line;
} Name;

static int by_name(const void *a, const void *b)
{
    const Name *x = a, *y = b;
    int c = strcmp(x->file, y->file);
    return c ? c : x->line - y->line;
}

char *lrt_job_name(const lrt_job *job, int64_t i, int64_t pictures, const char *tag)
{
    const lrt_settings *s = &job->set;
    if (job->own_output)
        return lrt_numbered_name(s->output, i + 1, s->batch_count, s->seed.value + (uint64_t)i,
                                 tag);
    return lrt_numbered_name(s->output, job->first + i, pictures > 1 ? pictures : 2,
                             s->seed.value + (uint64_t)i, tag);
}

/* All names must differ: a picture with the name of an earlier one would count as already drawn. */
static bool check_names(const Reading *x)
{
    const lrt_jobs *j = x->jobs;
    Name *names = calloc((size_t)j->pictures + 1, sizeof *names);
    int64_t n = 0;
    bool ok = names || lrt_fail(x->e, "out of memory");
    for (size_t k = 0; k < j->n && ok; k++)
        for (int64_t i = 0; i < j->jobs[k].set.batch_count && ok; i++, n++) {
            Name *name = &names[n];
            *name = (Name){.name = lrt_job_name(&j->jobs[k], i, j->pictures, ""),
                           .line = j->jobs[k].line};
            ok = name->name || lrt_fail(x->e, "out of memory");
            ok = ok && (name->file = lrt_output_identity(name->name, x->e));
        }
    if (ok)
        qsort(names, (size_t)n, sizeof *names, by_name);
    for (int64_t i = 1; i < n && ok; i++)
        if (strcmp(names[i].file, names[i - 1].file))
            continue;
        else if (!strcmp(names[i].name, LRT_STANDARD_OUTPUT))
            ok = lrt_fail(x->e,
                          "%.200s:%d: -o -: standard output takes one picture, that of line %d",
                          x->path, names[i].line, names[i - 1].line);
        else
            ok = lrt_fail(
                x->e,
                "%.200s:%d: its picture would have the name %.160s, like that of line %d: %%d in the name numbers them",
                x->path, names[i].line, names[i].name, names[i - 1].line);
    for (int64_t i = 0; names && i <= n && i < j->pictures; i++) {
        free(names[i].name);
        free(names[i].file);
    }
    free(names);
    return ok;
}

bool lrt_jobs_parse_again(const lrt_prompts_text *in, const lrt_pipeline *p,
                          const lrt_settings *base, lrt_jobs *jobs, lrt_error *e)
{
    Reading x = {.path = in->path, .p = p, .jobs = jobs, .e = e};
    bool mark = in->bytes >= 3 && !memcmp(in->text, "\xef\xbb\xbf", 3); /* of UTF-8 files */
    const char *end = in->text + in->bytes, *line = in->text + (mark ? 3 : 0);
    *jobs = (lrt_jobs){0};
    while (line < end) {
        const char *feed = memchr(line, '\n', (size_t)(end - line)), *stop = feed ? feed : end,
                   *next = feed ? feed + 1 : end;
        x.line++;
        while (line < stop && strchr(" \t\r", *line) && *line)
            line++;
        while (stop > line && strchr(" \t\r", stop[-1]) && stop[-1])
            stop--;
        if (stop > line && !take_line(&x, base, line, (size_t)(stop - line)))
            return false;
        line = next;
    }
    return jobs->n || lrt_fail(e, "%.200s: no prompt in it: expected one per line", in->path);
}

bool lrt_jobs_parse(const lrt_prompts_text *in, const lrt_pipeline *p, const lrt_settings *base,
                    lrt_jobs *jobs, lrt_error *e)
{
    const Reading x = {.path = in->path, .jobs = jobs, .e = e};
    return lrt_jobs_parse_again(in, p, base, jobs, e) && check_names(&x);
}

const char *lrt_jobs_place(const char *path)
{
    return strcmp(path, LRT_STANDARD_INPUT) ? path : "standard input";
}

/* An endless input (/dev/zero, yes) is not read to its end. */
bool lrt_prompts_read(const char *path, char **text, size_t *bytes, lrt_error *e)
{
    char block[65536];
    size_t n, total = 0;
    *text = NULL;
    const char *place = lrt_jobs_place(path);
    FILE *in = place == path ? fopen(path, "rb") : stdin,
         *all = in ? open_memstream(text, bytes) : NULL;
    for (; all && total <= LRT_MOST_PROMPTS && (n = fread(block, 1, sizeof block, in)) > 0;
         total += n)
        fwrite(block, 1, n, all);
    bool ok = (all && !ferror(in)) ||
              lrt_fail(e, "%.200s: cannot be read: %s", place, strerror(errno));
    if (total > LRT_MOST_PROMPTS)
        ok = lrt_fail(e, "%.200s: longer than %d million bytes: expected a prompt per line", place,
                      LRT_MOST_PROMPTS / 1000000);
    if (in && in != stdin)
        fclose(in);
    if (all && fclose(all))
        ok = lrt_fail(e, "out of memory");
    if (!ok) {
        free(*text);
        *text = NULL;
    }
    return ok;
}

void lrt_jobs_free(lrt_jobs *j)
{
    for (size_t i = 0; i < j->n_texts; i++)
        free(j->texts[i]);
    free(j->texts);
    free(j->jobs);
    *j = (lrt_jobs){0};
}
