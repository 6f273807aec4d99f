#include "map.h"

void map_plan(Map *m)
{
    /* at most 64 tasks, none under 4096 elements unless a row is longer */
    int64_t least = ceil_div(4096, m->c), even = ceil_div(m->rows, 64);
    m->per = even > least ? even : least;
    if (m->per > m->rows)
        m->per = m->rows;
}
int64_t map_tasks(const Map *m) { return ceil_div(m->rows, m->per); }
