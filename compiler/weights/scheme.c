/* Naming schemes: from a weight's path in the graph to the name under which a checkpoint stores it.
 * The rules are in names.def. */
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"
#include "formats.h"

typedef enum {
    END,
#define GROUP(name) IN_##name,
#include "names.def"
} GroupId;
#define IN_END END

enum { COLUMN_PATH, COLUMN_DIFFUSERS, COLUMN_LDM, COLUMN_KERAS, N_COLUMNS };
typedef struct {
    GroupId within;
    const char *piece[N_COLUMNS];
    GroupId then;
} Rule;
/* clang-format off */
static const Rule rules[] = {
#define NAME(within, path, diffusers, ldm, keras, then) {IN_##within, {path, diffusers, ldm, keras}, IN_##then},
#include "names.def"
};
/* clang-format on */
enum { N_RULES = sizeof rules / sizeof rules[0] };

/* clang-format off */
static const struct { GroupId id; const char *name; } groups[] = {
#define GROUP(name) {IN_##name, #name},
#include "names.def"
};
/* clang-format on */

/* What the numbers of a path were. */
typedef struct {
    int64_t of[3];
} Numbers;

/* clang-format off */
#define NUMBER(name, value) \
    static int64_t number_##name(int64_t a, int64_t b, int64_t c, const Counts *n) { (void)a, (void)b, (void)c, (void)n; return value; }
/* clang-format on */
#include "names.def"
/* clang-format off */
static const struct { const char *name; int64_t (*of)(int64_t a, int64_t b, int64_t c, const Counts *n); } numbers[] = {
#define NUMBER(name, value) {#name, number_##name},
#include "names.def"
};
/* clang-format on */

static GroupId group_of(const char *model)
{
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (!strcmp(groups[i].name, model))
            return groups[i].id;
    return END;
}

/* The rest of the path after the piece; NULL when it does not begin so. */
static const char *take_piece(const char *piece, const char *path, Numbers *into)
{
    for (; *piece; piece++) {
        if (*piece != '{') {
            if (*piece != *path++)
                return NULL;
            continue;
        }
        int64_t v = 0;
        const char *first = path;
        for (; *path >= '0' && *path <= '9' && path - first < 6; path++)
            v = 10 * v + *path - '0';
        if (path == first)
            return NULL;
        into->of[piece[1] - 'a'] = v;
        piece += 2;
    }
    return path;
}

/* The value of {name}, as text; of {_name} after "_", and without text when it is 0. {q}, {k} and
 * {v} are no text, but say which third; {flat} says something of the shape. */
static void put_number(const char *name, size_t length, const Numbers *x, const Counts *n,
                       Place *out, char text[24])
{
    static const char thirds[] = "qkv";
    text[0] = 0;
    if (length == 1 && strchr(thirds, *name)) {
        out->part = (int)(strchr(thirds, *name) - thirds);
        out->parts = 3;
        return;
    }
    if (length == 4 && !memcmp(name, "flat", 4)) {
        out->flat = true;
        return;
    }
    bool counted = *name == '_';
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (strlen(numbers[i].name) == length - counted &&
            !memcmp(numbers[i].name, name + counted, length - counted)) {
            int64_t v = numbers[i].of(x->of[0], x->of[1], x->of[2], n);
            if (v || !counted)
                snprintf(text, 24, "%s%lld", counted ? "_" : "", (long long)v);
            return;
        }
    die("names.def: {%.*s} is no number", (int)length, name);
}

/* Appends a piece of the stored name. Each piece with a choice takes one bit of *choice. False: the
 * name is too long. */
static bool put_piece(const char *piece, const Numbers *x, const Counts *n, int *choice, Place *out)
{
    const char *bar = strchr(piece, '|'), *end = piece + strlen(piece);
    if (bar) {
        piece = *choice & 1 ? bar + 1 : piece;
        end = *choice & 1 ? end : bar;
        *choice >>= 1;
    }
    for (size_t at = strlen(out->name); piece < end; piece++) {
        char text[24] = {*piece};
        if (*piece == '{') {
            size_t length = strcspn(piece, "}") - 1;
            put_number(piece + 1, length, x, n, out, text);
            piece += length + 1;
        }
        size_t more = strlen(text);
        if (at + more >= sizeof out->name)
            return false;
        memcpy(out->name + at, text, more + 1);
        at += more;
    }
    return true;
}

bool spell_by_rules(const Scheme *s, const Checkpoint *c, const char *model, const char *path,
                    const Counts *n, int choice, Place *out)
{
    (void)c;
    Numbers x = {0};
    GroupId group = group_of(model);
    *out = (Place){.parts = 1};
    for (int i = 0; i < N_RULES && group != END; i++) {
        const char *rest = rules[i].within == group
                               ? take_piece(rules[i].piece[COLUMN_PATH], path, &x)
                               : NULL;
        if (!rest)
            continue;
        if (!put_piece(rules[i].piece[s->column], &x, n, &choice, out))
            return false;
        path = rest;
        group = rules[i].then;
        i = -1;
    }
    return group == END && *out->name && !*path && choice == 0;
}

/* Begins with what the rows of the model's own group begin with. */
bool owns_by_rules(const Scheme *s, const Checkpoint *c, const char *model, const char *name)
{
    (void)c;
    GroupId group = group_of(model);
    for (int i = 0; i < N_RULES && group != END; i++) {
        if (rules[i].within != group)
            continue;
        for (const char *p = rules[i].piece[s->column]; *p; p += strspn(p, "|")) {
            size_t length = strcspn(p, "|");
            if (!strncmp(name, p, length))
                return true;
            p += length;
        }
    }
    return false;
}

/* ---- latentc's own
 * ----------------------------------------------------------------------------------------------------------------
 */

static bool spell_own(const Scheme *s, const Checkpoint *c, const char *model, const char *path,
                      const Counts *n, int choice, Place *out)
{
    (void)s, (void)c, (void)n;
    *out = (Place){.parts = 1};
    return snprintf(out->name, sizeof out->name, "%s/%s", model, path) < (int)sizeof out->name &&
           !choice;
}

static bool owns_own(const Scheme *s, const Checkpoint *c, const char *model, const char *name)
{
    (void)s, (void)c;
    size_t n = strlen(model);
    return !strncmp(name, model, n) && name[n] == '/';
}

static bool spell_plain(const Scheme *s, const Checkpoint *c, const char *model, const char *path,
                        const Counts *n, int choice, Place *out)
{
    (void)s, (void)c, (void)model, (void)n;
    *out = (Place){.parts = 1};
    return snprintf(out->name, sizeof out->name, "%s", path) < (int)sizeof out->name && !choice;
}

static bool owns_plain(const Scheme *s, const Checkpoint *c, const char *model, const char *name)
{
    (void)s, (void)c, (void)model, (void)name;
    return true;
}

/* The grammar takes all of it: a path of this model, if the model is one of graphs/sd2. */
static bool is_path_of(const char *model, const char *path)
{
    static const Scheme any = {.column = COLUMN_DIFFUSERS};
    Place p;
    return spell_by_rules(&any, NULL, model, path, &(Counts){0}, 0, &p);
}

bool checkpoint_serves(const Checkpoint *c, const char *model)
{
    bool plain = c->scheme->spell == spell_plain && group_of(model) != END;
    for (size_t i = 0; i < c->n;
         i++) { /* names without the model's: one that is not this model's tells */
        const char *name = c->tensors[i].name;
        bool its = plain ? is_path_of(model, name) : c->scheme->owns(c->scheme, c, model, name);
        if (its != plain)
            return its;
    }
    return plain;
}

/* ---- the table
 * --------------------------------------------------------------------------------------------------------------------
 */

static const char *const none[] = {NULL};
/* clang-format off */
static const char *const diffusers_extra[] = {
    "text_encoder/*embeddings.position_ids", "text_encoder/text_projection.weight", "text_encoder/*logit_scale", NULL,
};
/* clang-format on */
/* clang-format off */
static const char *const ldm_extra[] = {
    /* the layer after the one that is used, and what comes after it; from "conditioner" on in files of the newer program */
    "conditioner.embedders.0.model.transformer.resblocks.{layers}.*", "conditioner.embedders.0.model.text_projection",
    "conditioner.embedders.0.model.logit_scale", "conditioner.embedders.0.model.attn_mask", "denoiser.*",
    "cond_stage_model.model.transformer.resblocks.{layers}.*", "cond_stage_model.model.text_projection",
    "cond_stage_model.model.logit_scale", "cond_stage_model.model.attn_mask", "cond_stage_model.*position_ids",
    "cond_stage_model.model.transformer.text_projection*",
    /* averages, the noise schedule, the autoencoder's critic, marks of training programs */
    "model_ema.*", "betas", "*alphas_cumprod*", "posterior_*", "log_one_minus_alphas_cumprod", "logvar", "scale_factor",
    "first_stage_model.loss.*", "global_step", "epoch", "v_pred", "ztsnr", "lvlb_weights", NULL,
};
/* clang-format on */
/* clang-format off */
const Scheme schemes[] = {
    {"latentc", "MODEL/PATH as the graphs have it", false, 0, spell_own, owns_own, none, NULL},
    {"latentc-model", "one model's PATH alone", false, 0, spell_plain, owns_plain, none, NULL},
    {"diffusers", "unet/, text_encoder/, vae/ and PyTorch's names there", true, COLUMN_DIFFUSERS, spell_by_rules, owns_by_rules,
     diffusers_extra, NULL},
    {"ldm", "model.diffusion_model, cond_stage_model (open_clip), first_stage_model", true, COLUMN_LDM, spell_by_rules, owns_by_rules,
     ldm_extra, NULL},
    {"keras", "MODEL/layers/CLASS_N/... as Keras 3 has it; in its older layout the order counts", false, COLUMN_KERAS, keras_spell, owns_own, none,
     keras_bind},
};
/* clang-format on */
const int n_schemes = sizeof schemes / sizeof schemes[0];

const Scheme *scheme_find(const char *name)
{
    for (int i = 0; i < n_schemes; i++)
        if (!strcmp(schemes[i].name, name))
            return &schemes[i];
    return NULL;
}

/* text matches the pattern, in which '*' stands for any characters. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text)
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    return pattern[strspn(pattern, "*")] == 0;
}

bool scheme_ignores(const Scheme *s, const char *name, const Counts *n)
{
    for (const char *const *p = s->ignored; *p; p++) {
        char pattern[128];
        const char *number = strstr(*p, "{layers}");
        snprintf(pattern, sizeof pattern, "%s", *p);
        if (number)
            snprintf(pattern + (number - *p), sizeof pattern - (size_t)(number - *p), "%d%s",
                     n->layers, number + strlen("{layers}"));
        if (matches(pattern, name))
            return true;
    }
    return false;
}

static void most(int *into, int64_t v)
{
    if (v > *into)
        *into = (int)v;
}

Counts counts_of(const Graph *g)
{
    Counts n = {0};
    for (uint32_t i = 0; i < g->n_tensors; i++) {
        const Tensor *t = &g->tensors[i];
        for (int k = 0; t->kind == T_WEIGHT && k < t->n_parts; k++) {
            Numbers x = {0};
            const char *path = t->parts[k].path;
            if (take_piece("layers.{a}.", path, &x))
                most(&n.layers, x.of[0] + 1);
            if (take_piece("down.{a}.res.{b}.", path, &x)) {
                most(&n.levels, x.of[0] + 1);
                most(&n.blocks, x.of[1] + 1);
            } else if (take_piece("up.{a}.res.{b}.", path, &x)) {
                most(&n.levels, x.of[0] + 1);
                most(&n.up_blocks, x.of[1] + 1);
            }
            if (take_piece("down.{a}.attn.{b}.", path, &x))
                most(&n.attention_levels, x.of[0] + 1);
        }
    }
    return n;
}

bool scheme_transposes(const Scheme *s, const char *path)
{
    size_t n = strlen(path);
    return s->torch && n >= 6 && !strcmp(path + n - 6, "kernel");
}

int scheme_shape(const Scheme *s, const char *path, const Shape *want, const Place *p,
                 int64_t dim[8])
{
    int r = want->rank;
    memcpy(dim, want->dim, sizeof want->dim);
    if (scheme_transposes(s, path)) { /* (h,w,i,o) was (o,i,h,w), (i,o) was (o,i) */
        dim[0] = want->dim[r - 1];
        dim[1] = want->dim[r - 2];
        for (int i = 2; i < r; i++)
            dim[i] = want->dim[i - 2];
        if (p->flat)
            r = 2;
    }
    dim[0] *= p->parts;
    return r;
}

const Stored *scheme_locate(const Checkpoint *c, const char *model, const char *path,
                            const Counts *n, Place *out)
{
    const Scheme *s = c->scheme;
    for (int choice = 0; s->spell(s, c, model, path, n, choice, out); choice++) {
        const Stored *t = checkpoint_find(c, out->name);
        if (t)
            return t;
    }
    if (!s->spell(s, c, model, path, n, 0, out))
        *out = (Place){.parts = 1};
    return NULL;
}
