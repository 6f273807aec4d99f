/* See emit_activation.h. An activation needs form_FUNCTION here, with FUNCTION as in its row. */
#include "emit_activation.h"

typedef struct {
    V (*apply)(Emit *e, V x, int lanes, Precision p);
    /* lanes may be two vectors, which share work */
    bool in_pairs;
} VectorForm;

static V identity(Emit *e, V x, int lanes, Precision p)
{
    (void)e, (void)lanes, (void)p;
    return x;
}
static const VectorForm form_none = {.apply = identity};

static const VectorForm form_swish = {.apply = m_swish, .in_pairs = true};

static V relu(Emit *e, V x, int lanes, Precision p)
{
    (void)p;
    V zero = cf(e, 0, lanes);
    return choose(e, LLVMBuildFCmp(e->b, LLVMRealOLT, x, zero, ""), zero, x);
}
static const VectorForm form_relu = {.apply = relu};

/* soft_clamp(3 x) / 3 */
static V tangent(Emit *e, V x, int lanes, Precision p)
{
    (void)p;
    V three_x = fp_mul(e, x, cf(e, 3.0, lanes));
    return fp_mul(e, m_soft_clamp(e, three_x, lanes), cf(e, 1.0 / 3, lanes));
}
static const VectorForm form_tanh = {.apply = tangent};

static V soft_clamp(Emit *e, V x, int lanes, Precision p)
{
    (void)p;
    return m_soft_clamp(e, x, lanes);
}
static const VectorForm form_soft_clamp = {.apply = soft_clamp};

static const VectorForm form_gelu_tanh = {.apply = m_gelu_tanh, .in_pairs = true};

static V gelu_erf(Emit *e, V x, int lanes, Precision p)
{
    (void)p;
    return m_gelu_erf(e, x, lanes);
}
static const VectorForm form_gelu_erf = {.apply = gelu_erf};

static const VectorForm form_gelu_quick = {.apply = m_gelu_quick, .in_pairs = true};

static const VectorForm *const forms[ACT_COUNT] = {
#define ACTIVATION(e, name, function, word, gated) [ACT_##e] = &form_##function,
#include "activations.def"
};

V emit_activation(Emit *e, Activation act, V x, int lanes, Precision p)
{
    return forms[act]->apply(e, x, lanes, p);
}

bool activation_in_pairs(Activation act) { return forms[act]->in_pairs; }
