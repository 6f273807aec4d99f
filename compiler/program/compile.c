/* See compile.h. */
#include "compile.h"
#include "lower.h"

void program_passes(const Program *p, Graph *g) { passes_run(g, p->fuse, NULL, false); }

int program_lower(Program *p, Graph *g) { return program_place(p, lower(p, g)); }

int program_add(Program *p, Graph *g)
{
    program_passes(p, g);
    return program_lower(p, g);
}
