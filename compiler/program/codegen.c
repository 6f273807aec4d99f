/* The program: stages, kernels shared between them, code generation at the end. */
#include "codegen.h"
#include "tune.h"
#include "winograd.h"
#include <llvm-c/Analysis.h>
#include <llvm-c/BitWriter.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdlib.h>
#include <string.h>

Program *program_new(const Target *t, unsigned fuse, ConvMode conv, bool bf16)
{
    Program *p = xcalloc(1, sizeof *p);
    p->target = t;
    p->fuse = fuse;
    p->bf16 = bf16;
    p->conv = conv == CONV_AUTO && fuse == FUSE_NONE ? CONV_DIRECT : conv;
    p->emit = emit_new(t);
    return p;
}

void program_free(Program *p)
{
    for (int i = 0; i < p->n_stages; i++) {
        free(p->stages[i]->mems);
        free(p->stages[i]->steps);
        free(p->stages[i]->packed);
        free(p->stages[i]);
    }
    for (int i = 0; i < p->n_kernels; i++)
        free(p->kernels[i].key);
    free(p->kernels);
    if (p->tuning)
        tuning_free(p->tuning);
    LLVMContextRef ctx = p->emit->ctx;
    LLVMDisposeModule(p->emit->mod);
    emit_free(p->emit);
    LLVMContextDispose(ctx);
    free(p);
}

/* A contract without what says where its pixels are: the rest decides how weights are packed. */
static Contract without_pixels(const Contract *c)
{
    Contract l = *c;
    l.batch = l.h = l.w = l.oh = l.ow = l.vec_off = l.vec_width = l.ldy = l.tw = l.th = l.images =
        l.pixels = 0;
    l.strips_x = l.strips_y = l.strips_b = l.pieces = l.load_parts = l.tiles_x = l.tiles_y = 0;
    l.vec_batch = l.x_shared = l.x2_shared = l.res_shared = l.has_sums = l.flat = l.in_place =
        l.staged = 0;
    return l;
}

static bool same_packed(const Stage *a, const Packed *x, const Stage *b, const Packed *y)
{
    const Tensor *t = tensor(a->graph, x->tensor), *u = tensor(b->graph, y->tensor);
    if (x->kind != y->kind || x->floats != y->floats || t->n_parts != u->n_parts ||
        !shape_eq(&t->shape, &u->shape))
        return false;
    for (int i = 0; i < t->n_parts; i++)
        if (strcmp(t->parts[i].path, u->parts[i].path) != 0 ||
            t->parts[i].scale != u->parts[i].scale || t->parts[i].width != u->parts[i].width)
            return false;
    const Contract c = without_pixels(&x->contract), d = without_pixels(&y->contract);
    return memcmp(&c, &d, sizeof c) == 0;
}

/* The weight of a stage before s, of the same model, that is packed as x is. NULL: none is. */
static const Packed *packed_before(const Program *p, const Stage *s, const Packed *x)
{
    for (int i = 0; i < p->n_stages; i++) {
        const Stage *b = p->stages[i];
        for (int k = 0; k < b->n_packed && strcmp(b->graph->name, s->graph->name) == 0; k++)
            if (!b->packed[k].shared && same_packed(s, x, b, &b->packed[k]))
                return &b->packed[k];
    }
    return NULL;
}

static const Stage *stage_before(const Program *p, const Stage *s)
{
    for (int i = 0; i < p->n_stages && p->share_weights; i++)
        if (strcmp(p->stages[i]->graph->name, s->graph->name) == 0)
            return p->stages[i];
    return NULL;
}

/* Where a stage's weights lie: after those of the stages before it; what a stage of the same model
 * has packed already, there. Offsets of all stages of a model count from the first one's. */
static void place_weights(Program *p, Stage *s)
{
    const Stage *first = stage_before(p, s);
    s->weights_offset = p->weights_bytes;
    if (first) {
        int64_t begin = p->weights_bytes - first->weights_offset, at = begin;
        s->weights_offset = first->weights_offset;
        for (int i = 0; i < s->n_packed; i++) {
            Packed *x = &s->packed[i];
            const Packed *before = packed_before(p, s, x);
            int64_t bytes = (x->floats * 4 + 63) / 64 * 64;
            x->shared = before;
            x->offset = s->mems[x->mem].offset = before ? before->offset : at;
            if (before)
                s->weights_shared += bytes;
            else
                at += bytes;
        }
        s->weights_bytes = at - begin;
    }
    p->weights_bytes += (s->weights_bytes + 4095) / 4096 * 4096;
}

int program_add(Program *p, Graph *g)
{
    CHECK(p->n_stages < (int)(sizeof p->stages / sizeof p->stages[0]));
    passes_run(g, p->fuse, NULL, false);
    if (p->tuning)
        tuning_measure(p->tuning, p, g);
    Stage *s = lower(p, g);
    place_weights(p, s);
    p->stages[p->n_stages] = s;
    return p->n_stages++;
}

/* "conv3x3 norm+swish +res" -> lc_f32_conv3x3_norm_swish_res_12 */
static void kernel_symbol(char *out, size_t n, const char *kind, int index)
{
    size_t k = (size_t)snprintf(out, n, "lc_f32_");
    for (const char *c = kind; *c && k + 12 < n; c++) {
        bool word = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9');
        if (word)
            out[k++] = *c;
        else if (out[k - 1] != '_')
            out[k++] = '_';
    }
    snprintf(out + k, n - k, "_%d", index);
}

int kernel_get(Program *p, int kind, const void *desc, size_t bytes, const char *name)
{
    for (int i = 0; i < p->n_kernels; i++) {
        Kernel *k = &p->kernels[i];
        if (k->kind == kind && k->key_bytes == bytes && memcmp(k->key, desc, bytes) == 0)
            return i;
    }
    if (p->n_kernels == p->cap_kernels) {
        p->cap_kernels = p->cap_kernels ? 2 * p->cap_kernels : 64;
        p->kernels = xrealloc(p->kernels, (size_t)p->cap_kernels * sizeof *p->kernels);
    }
    Kernel *k = &p->kernels[p->n_kernels];
    *k = (Kernel){.kind = kind, .key = xmalloc(bytes), .key_bytes = bytes};
    memcpy(k->key, desc, bytes);
    kernel_symbol(k->name, sizeof k->name, name, p->n_kernels);
    switch (kind) {
    case KERNEL_CONTRACT:
        (((const Contract *)desc)->winograd ? emit_winograd : emit_contract)(p->emit, desc,
                                                                             k->name);
        break;
    case KERNEL_CONTRACT_LOAD:
        (((const Contract *)desc)->winograd ? emit_winograd_load
                                            : emit_contract_load)(p->emit, desc, k->name);
        break;
    case KERNEL_UNPACK: emit_winograd_unpack(p->emit, desc, k->name); break;
    case KERNEL_ATTENTION: emit_attention(p->emit, desc, k->name); break;
    case KERNEL_ATTENTION_PACK: emit_attention_pack(p->emit, desc, k->name); break;
    case KERNEL_ATTN_PART: emit_attn_part(p->emit, desc, k->name); break;
    case KERNEL_MAP: emit_map(p->emit, desc, k->name); break;
    case KERNEL_SUMS: emit_sums(p->emit, desc, k->name); break;
    case KERNEL_GROUP_FINISH: emit_group_finish(p->emit, desc, k->name); break;
    case KERNEL_PEAK: emit_peak(p->emit, desc, k->name); break;
    default: die("no kernel of kind %d", kind);
    }
    k->fn = p->emit->fn;
    return p->n_kernels++;
}

double program_add_peak(Program *p, int64_t iterations, int tasks)
{
    Graph *g = graph_new("peak");
    Stage *s = xcalloc(1, sizeof *s);
    Shape shape = shape1(64);
    graph_add_output(g, "output", graph_add_input(g, "unused", DT_F32, shape, BIND_STEP));
    s->graph = g;
    s->mems = xcalloc(1, sizeof *s->mems);
    s->mems[s->n_mems++] = (Mem){.bytes = 256, .buffer = LRT_BUF_IO + 1};
    s->steps = xcalloc(1, sizeof *s->steps);
    Peak peak = {iterations, p->bf16 ? p->target->core : CORE_FMA};
    if (p->bf16 && target_tiles(p->target))
        peak.iterations /= 16; /* a tile product takes 16 cycles */
    int kernel = kernel_get(p, KERNEL_PEAK, &peak, sizeof peak, "peak");
    s->steps[s->n_steps++] = (Step){.kernel = kernel,
                                    .n_args = 1,
                                    .plan = PLAN_STEP,
                                    .tasks = tasks,
                                    .round = tasks,
                                    .first = tasks,
                                    .name = "peak",
                                    .kind = "peak"};
    p->stages[p->n_stages++] = s;
    return tasks * peak_flops(&peak, p->target);
}

/* Which weight lies where, and all that contract_pack_kernel, winograd_pack_kernel and
 * contract_pack_bias look at. */
static uint64_t hash_packed(const Graph *g, const Packed *x, uint64_t h)
{
    const Tensor *t = tensor(g, x->tensor);
    const Contract *c = &x->contract;
    int64_t facts[] = {x->kind,   x->offset,   x->floats,  c->c1,         c->c2,
                       c->co,     c->kh,       c->kw,      c->kc,         c->n_chunks,
                       c->blocks, c->nr,       c->lanes,   c->k_step,     contract_geglu(c),
                       c->bf16,   c->winograd, c->kernels, t->shape.rank, t->n_parts};
    h = fnv1a64(facts, sizeof facts, h);
    for (int i = 0; i < t->shape.rank; i++)
        h = fnv1a64(&t->shape.dim[i], sizeof t->shape.dim[i], h);
    for (int i = 0; i < t->n_parts; i++) {
        h = fnv1a64(t->parts[i].path, strlen(t->parts[i].path) + 1, h);
        h = fnv1a64(&t->parts[i].width, sizeof t->parts[i].width, h);
        h = fnv1a64(&t->parts[i].scale, sizeof t->parts[i].scale, h);
    }
    return h;
}

uint64_t program_layout_hash(const Program *p)
{
    uint64_t h = fnv1a64(&p->weights_bytes, sizeof p->weights_bytes, FNV1A64_INIT);
    for (int i = 0; i < p->n_stages; i++) {
        const Stage *s = p->stages[i];
        h = fnv1a64(s->graph->name, strlen(s->graph->name) + 1, h);
        h = fnv1a64(&s->weights_offset, sizeof s->weights_offset, h);
        for (int k = 0; k < s->n_packed; k++)
            h = hash_packed(s->graph, &s->packed[k], h);
    }
    return h;
}

static void optimise(Program *p, LLVMTargetMachineRef machine)
{
    LLVMPassBuilderOptionsRef o = LLVMCreatePassBuilderOptions();
    /* Kernels are vectorised and unrolled as they should be already. */
    LLVMPassBuilderOptionsSetLoopVectorization(o, 0);
    LLVMPassBuilderOptionsSetSLPVectorization(o, 0);
    LLVMPassBuilderOptionsSetLoopUnrolling(o, 0);
    LLVMErrorRef failed = LLVMRunPasses(
        p->emit->mod,
        "function(sroa,early-cse,simplifycfg,instcombine<no-verify-fixpoint>,loop-simplify,lcssa,"
        "loop-mssa(loop-rotate,licm),gvn,instcombine<no-verify-fixpoint>,simplifycfg),globaldce",
        machine, o);
    if (failed)
        die("LLVM: %s", LLVMGetErrorMessage(failed));
    LLVMDisposePassBuilderOptions(o);
}

LLVMMemoryBufferRef program_emit(Program *p, OutKind kind)
{
    LLVMTargetMachineRef machine = target_machine(p->target);
    LLVMModuleRef mod = p->emit->mod;
    char *message = NULL;
    LLVMSetTarget(mod, p->target->triple);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetModuleDataLayout(mod, layout);
    LLVMDisposeTargetData(layout);
    if (LLVMVerifyModule(mod, LLVMReturnStatusAction, &message))
        die("the emitted module is not valid: %s", message);
    LLVMDisposeMessage(message); /* there is one, empty, without an error too */
    optimise(p, machine);
    LLVMMemoryBufferRef out = NULL;
    if (kind == OUT_LL) {
        char *text = LLVMPrintModuleToString(mod);
        out = LLVMCreateMemoryBufferWithMemoryRangeCopy(text, strlen(text), "ll");
        LLVMDisposeMessage(text);
    } else if (kind == OUT_BC) {
        out = LLVMWriteBitcodeToMemoryBuffer(mod);
    } else if (LLVMTargetMachineEmitToMemoryBuffer(
                   machine, mod, kind == OUT_ASM ? LLVMAssemblyFile : LLVMObjectFile, &message,
                   &out)) {
        die("LLVM cannot emit code for %s: %s", p->target->name, message);
    }
    LLVMDisposeTargetMachine(machine);
    return out;
}
