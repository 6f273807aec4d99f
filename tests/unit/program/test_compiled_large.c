/* A result that is stored past the caches, against the reference interpreter: 68 MB between two
 * convolutions. Where a vector is no cache line, the same by ordinary stores; those are in
 * test_compiled*.c. */
#include "compiled.h"
#include "construct.h"

static TensorId convolution(Graph *g, const char *path, TensorId x, int size, int64_t channels)
{
    Op o = op_make(OP_CONV2D, path);
    o.in[SLOT_X] = x;
    o.in[SLOT_KERNEL] = graph_add_weight(
        g, path, shape4(size, size, shape_channels(&tensor(g, x)->shape), channels));
    o.attr.contract.stride = 1;
    o.attr.contract.pad_top = o.attr.contract.pad_left = o.attr.contract.pad_bottom =
        o.attr.contract.pad_right = size / 2;
    return graph_add_op(g, o);
}
static TensorId two(Graph *g, TensorId x, Size s)
{
    return convolution(g, "b.kernel", convolution(g, "a.kernel", x, 3, s.m), 1, s.co);
}

static void large(const Target *t)
{
    static const Case c = {"large", two, {1, 512, 520, 16, 4, 0, 64}};
    if (t->lanes != 16)
        return;
    for (int bf16 = 0; bf16 < 2; bf16++)
        for (int winograd = 0; winograd < 2; winograd++)
            if (bf16 || !target_tiles(t))
                run_case(&c, t, FUSE_ALL, winograd ? CONV_F23 : CONV_DIRECT, bf16);
}

int main(void)
{
    static const OnTarget what[] = {{"large", large}};
    return run_on_targets("compiled, large", what, 1, PRODUCTS_BF16);
}
