#include "round_trip.h"
#include "parse_text.h"
#include "print.h"
#include "verify.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

char *text_of(const Graph *g)
{
    Buf b = {0};
    graph_print_text(g, &b);
    return b.data;
}

void assert_round_trip(const Graph *g)
{
    char *text = text_of(g);
    Graph *again = graph_parse_text(text, "printed");
    char *twice = text_of(again);
    assert_string_equal(text, twice);
    graph_verify(again, "parse");
    free(text);
    free(twice);
    graph_free(again);
}
