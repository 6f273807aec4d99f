#include "map.h"
#include "blocking.h"

const char *const map_names[MAP_KINDS] = {
#define MAP(e, name, operands) [MAP_##e] = #name,
#include "maps.def"
};

void map_plan(Map *m)
{
    int64_t least = ceil_div(MAP_ELEMENTS, m->c), even = ceil_div(m->rows, MAP_TASKS);
    m->per = even > least ? even : least;
    if (m->per > m->rows)
        m->per = m->rows;
}
int64_t map_tasks(const Map *m) { return ceil_div(m->rows, m->per); }
