/* See fusion.h. */
#include "fusion.h"

const PrologueRow prologues[PRE_COUNT] = {
#define RISES false, 0, 0
#define DIPS(at, value) true, at, value
#define PROLOGUE(e, name, word, norm, act, bounds) [PRE_##e] = {word, norm, ACT_##act, bounds},
#include "prologues.def"
};

const char *const prologue_names[PRE_COUNT] = {
#define PROLOGUE(e, name, ...) [PRE_##e] = #name,
#include "prologues.def"
};

const ActivationRow activations[ACT_COUNT] = {
#define ACTIVATION(e, name, function, word, gated) [ACT_##e] = {word, gated},
#include "activations.def"
};

const char *const activation_names[ACT_COUNT] = {
#define ACTIVATION(e, name, function, word, gated) [ACT_##e] = #name,
#include "activations.def"
};
