#include "emit_amx.h"
#include "plan.h"
#include "err.h"
#include <string.h>

/* One instruction: the intrinsic, or the model's function. */
typedef struct {
    const char *intrinsic, *model;
} Instruction;
static void instruction(Emit *e, Instruction x, V *args, unsigned n)
{
    V f;
    if (e->t->core == CORE_AMX) {
        unsigned id = LLVMLookupIntrinsicID(x.intrinsic, strlen(x.intrinsic));
        CHECK(id != 0);
        e->cpu |= LRT_CPU_AMX_BF16;
        f = LLVMGetIntrinsicDeclaration(e->mod, id, NULL, 0);
    } else {
        CHECK(e->t->core == CORE_AMX_MODEL);
        f = LLVMGetNamedFunction(e->mod, x.model);
        if (!f) {
            LLVMTypeRef params[4];
            for (unsigned i = 0; i < n; i++)
                params[i] = LLVMTypeOf(args[i]);
            f = LLVMAddFunction(e->mod, x.model, LLVMFunctionType(e->voidt, params, n, 0));
        }
    }
    LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, args, n, "");
}

/* Tile numbers are immediates of the instructions, and ints of the model's functions. */
static V number(const Emit *e, int tile)
{
    return LLVMConstInt(e->t->core == CORE_AMX ? LLVMInt8TypeInContext(e->ctx) : e->i32,
                        (unsigned long long)tile, 0);
}

/* lrt_tile_config (runtime/walk/amx_model.h), byte by byte. */
static V configuration(Emit *e, int rows, int channels)
{
    unsigned char c[64] = {1};
    for (int i = 0; i < 8; i++) {
        bool b = i >= tile_b(0), a = !b && i >= tile_a(0);
        c[16 + 2 * i] = (unsigned char)(a ? 2 * channels : TILE_ROW_BYTES);
        c[48 + i] = (unsigned char)(b ? channels / 2 : rows);
    }
    V text = LLVMConstStringInContext2(e->ctx, (const char *)c, sizeof c, 1);
    V g = LLVMAddGlobal(e->mod, LLVMTypeOf(text), "tiles");
    LLVMSetInitializer(g, text);
    LLVMSetGlobalConstant(g, 1);
    LLVMSetUnnamedAddress(g, LLVMGlobalUnnamedAddr);
    LLVMSetLinkage(g, LLVMPrivateLinkage);
    LLVMSetAlignment(g, 64);
    return g;
}

void tile_configure(Emit *e, int rows, int channels)
{
    CHECK(rows >= 1 && rows <= TILE_ROWS && channels >= 2 && channels <= TILE_CHANNELS &&
          channels % 2 == 0);
    instruction(e, (Instruction){"llvm.x86.ldtilecfg", "lrt_amx_model_config"},
                (V[]){configuration(e, rows, channels)}, 1);
}

void tile_release(Emit *e)
{
    instruction(e, (Instruction){"llvm.x86.tilerelease", "lrt_amx_model_release"}, NULL, 0);
}

void tile_zero(Emit *e, int tile)
{
    instruction(e, (Instruction){"llvm.x86.tilezero", "lrt_amx_model_zero"}, (V[]){number(e, tile)},
                1);
}

void tile_load(Emit *e, int tile, V p, V stride)
{
    instruction(e, (Instruction){"llvm.x86.tileloadd64", "lrt_amx_model_load"},
                (V[]){number(e, tile), p, stride}, 3);
}

void tile_stream(Emit *e, int tile, V p, V stride)
{
    instruction(e, (Instruction){"llvm.x86.tileloaddt164", "lrt_amx_model_load"},
                (V[]){number(e, tile), p, stride}, 3);
}

void tile_store(Emit *e, int tile, V p, V stride)
{
    instruction(e, (Instruction){"llvm.x86.tilestored64", "lrt_amx_model_store"},
                (V[]){number(e, tile), p, stride}, 3);
}

void tile_dot(Emit *e, int sum, int a, int b)
{
    instruction(e, (Instruction){"llvm.x86.tdpbf16ps", "lrt_amx_model_dot"},
                (V[]){number(e, sum), number(e, a), number(e, b)}, 3);
}

/* Loads first: the products of a step wait for none of them while those of the step before run. */
void tile_products(Emit *e, const TileProduct *p, V steps)
{
    CHECK(p->unroll >= 1 && (!p->overlap || p->apart >= 1));
    Loop l = loop_begin(e, ci(e, 0), steps, p->unroll);
    V a[TILE_MOST], b[TILE_MOST];
    for (int i = 0; i < p->m; i++)
        a[i] = at_byte(e, p->a[i], mulc(e, l.i, p->a_step));
    for (int j = 0; j < p->n; j++)
        b[j] = at_byte(e, p->b[j], mulc(e, l.i, p->b_step));
    int dots = 0;
    for (int s = 0; s < p->unroll; s++) {
        for (int j = 0; j < p->n; j++)
            (p->stream_b ? tile_stream : tile_load)(e, tile_b(j),
                                                    at_byte(e, b[j], ci(e, s * p->b_step)), p->ldb);
        for (int i = 0; i < p->m; i++)
            (p->stream_a ? tile_stream : tile_load)(e, tile_a(i),
                                                    at_byte(e, a[i], ci(e, s * p->a_step)), p->lda);
        for (int i = 0; i < p->m; i++)
            for (int j = 0; j < p->n; j++) {
                tile_dot(e, tile_sum(i, j), tile_a(i), tile_b(j));
                if (p->overlap && ++dots % p->apart == 0)
                    p->overlap(e, p->user);
            }
    }
    loop_end(e, &l);
}
