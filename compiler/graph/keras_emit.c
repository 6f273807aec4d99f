/* See keras_emit.h. Layers are read in their order in the file; where one reads another that comes
 * later, that one is read first. */
#include "keras_emit.h"

#include <string.h>

#include "err.h"

typedef enum { CALL_NEW, CALL_ENTERED, CALL_DONE } CallState;

/* One call of a layer in one evaluation of its model. */
typedef struct {
    const KerasLayer *layer;
    int call;
    CallState state;
    /* one, of models one for each output */
    KerasValue *results;
    int n_results;
} Node;

/* An evaluation of a model. */
typedef struct {
    KerasEmit *e;
    const KerasModel *m;
    /* those of layer i begin at first[i] */
    Node *nodes;
    int *first, n_nodes;
} Run;

static Node *node_of(const Run *run, const KerasArg *arg)
{
    return &run->nodes[run->first[arg->layer] + arg->call];
}

/* The value that an argument names; its call is done. A number has none. */
static KerasValue value_of(const Run *run, const KerasArg *arg)
{
    if (arg->layer < 0)
        return (KerasValue){0};
    const Node *from = node_of(run, arg);
    if (arg->result >= from->n_results)
        json_err(arg->at, "layer %s has %d result%s, found a reference to number %d",
                 from->layer->name, from->n_results, from->n_results == 1 ? "" : "s", arg->result);
    return from->results[arg->result];
}

static void call_model(Run *run, Node *node, const KerasValue *in, int n)
{
    KerasEmit *e = run->e;
    const KerasModel *m = node->layer->model;
    if (n != m->inputs.n_args)
        json_err(node->layer->json, "layer %s (%s): called with %d tensors, expected %d",
                 node->layer->name, node->layer->class_name, n, m->inputs.n_args);
    for (int i = 0; i < n; i++)
        if (!tensor_ok(in[i].t))
            json_err(node->layer->json, "layer %s (%s): called with a number, expected a tensor",
                     node->layer->name, node->layer->class_name);
    node->n_results = m->outputs.n_args;
    node->results = arena_alloc(e->r->scratch, (size_t)node->n_results * sizeof *node->results);
    keras_emit_model(e, m, in, node->results);
}

static void call_layer(Run *run, Node *node, const KerasValue *in, int n)
{
    KerasEmit *e = run->e;
    const KerasLayer *l = node->layer;
    keras_rows_place(e->rows, arena_printf(e->r->scratch, "%s: layer %s (%s)", e->r->g->file,
                                           l->name, l->class_name));
    if (!n || !tensor_ok(in[0].t))
        json_err(l->json, "layer %s (%s) is called without a tensor, expected one", l->name,
                 l->class_name);
    node->n_results = 1;
    node->results = arena_alloc(e->r->scratch, sizeof *node->results);
    node->results[0] = keras_emit_layer(e, run->m, l, &l->calls[node->call], in);
}

/* Moves tensors before numbers, which have none. */
static void tensors_first(KerasValue *in, int n)
{
    int k = 0;
    for (int i = 0; i < n; i++)
        if (tensor_ok(in[i].t))
            in[k++] = in[i];
    for (; k < n; k++)
        in[k] = (KerasValue){0};
}

/* Adds the operations of one call, whose operands are there. */
static void emit_call(Run *run, Node *node)
{
    KerasEmit *e = run->e;
    Reader *r = e->r;
    const KerasLayer *l = node->layer;
    const KerasCall *c = &l->calls[node->call];
    const char *outside = r->prefix, *inside = outside + r->call;
    size_t call = r->call;
    if (++r->statements > MAX_STATEMENTS)
        json_err(l->json, "the model takes more than %d calls of layers", MAX_STATEMENTS);
    KerasValue *in = arena_alloc(r->scratch, ((size_t)c->n_args + 1) * sizeof *in);
    for (int i = 0; i < c->n_args; i++)
        in[i] = value_of(run, &c->args[i]);
    tensors_first(in, c->n_args);
    if (run->m == e->model)
        e->top = l->name;
    const char *again = node->call ? arena_printf(r->scratch, "call%d.", ++e->again)
                                   : arena_printf(r->scratch, "%.*s", (int)call, outside);
    r->call = strlen(again);
    r->prefix = arena_printf(r->scratch, "%s%s%s.", again, inside, l->path);
    if (l->model)
        call_model(run, node, in, c->n_args);
    else
        call_layer(run, node, in, c->n_args);
    r->prefix = outside;
    r->call = call;
    node->state = CALL_DONE;
}

/* The first operand's call that is not done; NULL: all are. */
static Node *next_needed(const Run *run, const Node *node)
{
    const KerasCall *c = &node->layer->calls[node->call];
    for (int i = 0; i < c->n_args; i++)
        if (c->args[i].layer >= 0 && node_of(run, &c->args[i])->state != CALL_DONE)
            return node_of(run, &c->args[i]);
    return NULL;
}

/* Does the call, after those that it reads. stack: room for all nodes. */
static void do_call(Run *run, Node *node, Node **stack)
{
    int n = 0;
    if (node->state == CALL_DONE)
        return;
    stack[n++] = node;
    while (n) {
        Node *top = stack[n - 1], *needed = next_needed(run, top);
        top->state = CALL_ENTERED;
        if (!needed) {
            emit_call(run, top);
            n--;
            continue;
        }
        if (needed->state == CALL_ENTERED)
            json_err(needed->layer->json, "cycle: layer %s reads its own result",
                     needed->layer->name);
        if (json_ok(needed->layer->batch_shape))
            json_err(needed->layer->json, "layer %s is no input of model %s", needed->layer->name,
                     run->m->name);
        stack[n++] = needed;
    }
}

static void make_nodes(Run *run)
{
    const KerasModel *m = run->m;
    Arena *a = run->e->r->scratch;
    run->first = arena_alloc(a, (size_t)m->n_layers * sizeof *run->first);
    for (int i = 0; i < m->n_layers; i++) {
        run->first[i] = run->n_nodes;
        run->n_nodes += m->layers[i].n_calls ? m->layers[i].n_calls : 1;
    }
    run->nodes = arena_alloc(a, (size_t)run->n_nodes * sizeof *run->nodes);
    for (int i = 0; i < m->n_layers; i++)
        for (int c = 0; c < (m->layers[i].n_calls ? m->layers[i].n_calls : 1); c++)
            run->nodes[run->first[i] + c] = (Node){.layer = &m->layers[i], .call = c};
}

static void give_inputs(Run *run, const KerasValue *in)
{
    for (int i = 0; i < run->m->inputs.n_args; i++) {
        Node *node = node_of(run, &run->m->inputs.args[i]);
        if (!json_ok(node->layer->batch_shape))
            json_err(node->layer->json,
                     "layer %s (%s) is listed as an input, expected an InputLayer",
                     node->layer->name, node->layer->class_name);
        if (node->state == CALL_DONE)
            json_err(node->layer->json, "layer %s is listed as an input twice", node->layer->name);
        node->state = CALL_DONE;
        node->n_results = 1;
        node->results = arena_alloc(run->e->r->scratch, sizeof *node->results);
        node->results[0] = in[i];
    }
}

void keras_emit_model(KerasEmit *e, const KerasModel *m, const KerasValue *in, KerasValue *out)
{
    Run run = {.e = e, .m = m};
    make_nodes(&run);
    give_inputs(&run, in);
    Node **stack = arena_alloc(e->r->scratch, ((size_t)run.n_nodes + 1) * sizeof *stack);
    for (int i = 0; i < m->n_layers; i++)
        for (int c = 0; c < m->layers[i].n_calls; c++)
            if (!json_ok(m->layers[i].batch_shape))
                do_call(&run, &run.nodes[run.first[i] + c], stack);
    for (int i = 0; i < m->outputs.n_args; i++) {
        const KerasArg *arg = &m->outputs.args[i];
        if (node_of(&run, arg)->state != CALL_DONE)
            json_err(arg->at, "output: layer %s is not called", node_of(&run, arg)->layer->name);
        out[i] = value_of(&run, arg);
    }
}
