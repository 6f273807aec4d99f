/* See models.h. */
#include "models.h"

enum { OPTIONAL, REQUIRED };
enum { ONCE, PER_SIZE };
enum { SINGLE, GUIDED };

/* clang-format off */
#define MODEL(id, name, measured, need, number, batch, decides) \
    [MODEL_##id] = {#name, measured, need == REQUIRED, number == PER_SIZE, batch == GUIDED, decides},
const ModelRow model_rows[MODEL_COUNT] = {
#include "models.def"
};
/* clang-format on */
