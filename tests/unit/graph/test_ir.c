/* The graph: edits, order, the verifier, parts of weights, attributes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "caught.h"
#include "construct.h"
#include "round_trip.h"
#include "verify.h"

static Op op1(OpKind k, const char *path, TensorId x)
{
    Op o = op_make(k, path);
    o.in[0] = x;
    return o;
}

static void test_editing(void **state)
{
    (void)state;
    Graph *g = graph_new("g");
    TensorId x = graph_add_input(g, "x", DT_F32, shape2(2, 8), BIND_TIME);
    TensorId a = graph_add_op(g, op1(OP_SWISH, "a", x)), b = graph_add_op(g, op1(OP_SWISH, "b", a));
    TensorId unused = graph_add_op(g, op1(OP_SWISH, "unused", a));
    graph_add_output(g, "output", b);
    assert_int_equal(graph_use_count(g, a), 2);
    assert_int_equal(graph_use_count(g, b), 1);
    assert_int_equal(tensor(g, b)->binding, BIND_TIME);
    assert_int_equal(graph_use_count(g, unused), 0);
    assert_int_equal(graph_sweep(g), 1);
    graph_replace_uses(g, b, a);
    assert_int_equal(graph_sweep(g), 1);
    assert_int_equal(g->n_ops, 1);
    graph_verify(g, "test");
    graph_free(g);
}

static void test_toposort(void **state)
{
    (void)state;
    Graph *g = graph_new("g");
    TensorId x = graph_add_input(g, "x", DT_F32, shape2(1, 8), BIND_STEP);
    TensorId a = graph_add_op(g, op1(OP_SWISH, "a", x)), b = graph_add_op(g, op1(OP_SWISH, "b", x));
    g->ops[0].in[0] = b; /* a now comes after b */
    graph_add_output(g, "output", a);
    graph_toposort(g);
    assert_string_equal(g->ops[0].path, "b");
    graph_verify(g, "test");
    g->ops[0].in[0] = a;
    int code;
    CAUGHT(code, graph_toposort(g));
    assert_int_equal(code, EXIT_BUG);
    graph_free(g);
}

/* The verifier names the pass and the broken rule. */
static void test_verify(void **state)
{
    (void)state;
    Graph *g = graph_new("g");
    TensorId x = graph_add_input(g, "x", DT_F32, shape2(1, 8), BIND_STEP);
    TensorId a = graph_add_op(g, op1(OP_SWISH, "a", x));
    graph_add_output(g, "output", a);
    int code;
    tensor(g, a)->shape.dim[1] = 9;
    CAUGHT(code, graph_verify(g, "mypass"));
    assert_int_equal(code, EXIT_BUG);
    assert_non_null(strstr(err_text(), "after mypass: a (swish)"));
    tensor(g, a)->shape.dim[1] = 8;
    tensor(g, a)->binding = BIND_CONST;
    CAUGHT(code, graph_verify(g, "mypass"));
    assert_non_null(strstr(err_text(), "bindings follow the operands"));
    tensor(g, a)->binding = BIND_STEP;
    g->ops[0].in[0] = a;
    CAUGHT(code, graph_verify(g, "mypass"));
    assert_non_null(strstr(err_text(), "used before it is computed"));
    graph_free(g);
}

static void test_weight_parts(void **state)
{
    (void)state;
    Graph *g = graph_new("g");
    TensorId x = graph_add_input(g, "x", DT_F32, shape2(1, 8), BIND_STEP);
    TensorId parts[] = {graph_add_weight(g, "q.kernel", shape2(8, 4)),
                        graph_add_weight(g, "k.kernel", shape2(8, 2))};
    double scale[] = {0.125, 1};
    Op o = op1(OP_DENSE, "q", x);
    o.in[SLOT_KERNEL] = graph_add_weight_parts(g, parts, 2, scale);
    graph_add_output(g, "output", graph_add_op(g, o));
    char *text = text_of(g);
    assert_non_null(strstr(text, "kernel=w(\"q.kernel\"[4]*0.125+\"k.kernel\"[2])[8,6]"));
    assert_round_trip(g);
    free(text);
    graph_free(g);
}

/* Every attribute of every op is printed when it differs from its default, and read back. */
static void test_attributes(void **state)
{
    (void)state;
    for (int k = 0; k < OP_COUNT; k++)
        for (int i = 0; i < attr_tables[k].n; i++) {
            const AttrField *f = &attr_tables[k].fields[i];
            Op o = op_make((OpKind)k, "x");
            assert_ptr_equal(attr_find((OpKind)k, f->name), f);
            for (int e = 0; e < (f->type == ATTR_PAD ? 4 : 1); e++) {
                assert_true(attr_get(&o, f, e) == f->fallback);
                attr_set(&o, f, e, 1 + e);
                assert_true(attr_get(&o, f, e) == 1 + e);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_editing), cmocka_unit_test(test_toposort),
        cmocka_unit_test(test_verify), cmocka_unit_test(test_weight_parts),
        cmocka_unit_test(test_attributes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
