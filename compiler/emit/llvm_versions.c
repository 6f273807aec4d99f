/* See llvm_versions.h. */
#include "llvm_versions.h"
#include "err.h"
#include <llvm-c/Target.h> /* LLVM_VERSION_MAJOR */
#include <string.h>

enum { ALIGNMENT = 4, MOST_ARGS = 4 };

/* Before LLVM 22, masked loads and stores have their alignment as an operand, after the pointer.
 * Since then it is an attribute of the pointer. `pointer`: its place in args. */
static V masked(Emit *e, const char *name, LLVMTypeRef type, V *args, unsigned n, unsigned pointer)
{
    LLVMTypeRef types[] = {type, e->ptr};
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    CHECK(id != 0);
#if LLVM_VERSION_MAJOR < 22
    V with[MOST_ARGS];
    CHECK(n < MOST_ARGS);
    memcpy(with, args, (pointer + 1) * sizeof *args);
    with[pointer + 1] = LLVMConstInt(e->i32, ALIGNMENT, 0);
    memcpy(with + pointer + 2, args + pointer + 1, (n - pointer - 1) * sizeof *args);
    args = with;
    n++;
#endif
    V f = LLVMGetIntrinsicDeclaration(e->mod, id, types, 2);
    V call = LLVMBuildCall2(e->b, LLVMIntrinsicGetType(e->ctx, id, types, 2), f, args, n, "");
#if LLVM_VERSION_MAJOR >= 22
    unsigned kind = LLVMGetEnumAttributeKindForName("align", 5);
    LLVMAddCallSiteAttribute(call, pointer + 1, LLVMCreateEnumAttribute(e->ctx, kind, ALIGNMENT));
#endif
    return call;
}

V masked_load(Emit *e, LLVMTypeRef type, V p, V mask, V otherwise)
{
    return masked(e, "llvm.masked.load", type, (V[]){p, mask, otherwise}, 3, 0);
}

void masked_store(Emit *e, V v, V p, V mask)
{
    masked(e, "llvm.masked.store", LLVMTypeOf(v), (V[]){v, p, mask}, 3, 1);
}
