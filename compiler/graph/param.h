/* Parameters of graphs: what a graph file declares, and what --set and pipeline files give. */
#ifndef LATENTC_PARAM_H
#define LATENTC_PARAM_H
#include <stdint.h>

/* Most parameters that a graph may have, and most values that one body may name. */
enum { MAX_NAMES = 64 };

typedef enum { PARAM_INT, PARAM_REAL, PARAM_TEXT, PARAM_INTS } ParamKind;
typedef struct {
    const char *name;
    /* PARAM_INT. --set NAME=VALUE gives this kind only; pipeline files may give any. */
    int64_t value;
    ParamKind kind;
    double real;
    const char *text;
    /* PARAM_INTS: n_ints of them */
    const int64_t *ints;
    int n_ints;
} ParamSet;
#endif
