/* Writing finished programs. */
#ifndef LATENTC_BUILD_H
#define LATENTC_BUILD_H
#include "codegen.h"
#include "link.h"
/* Code of p (after emit_plan) linked with the entry object, then packed weights and vocabulary appended: see container.h. */
void write_program(Program *p, WeightSource *const *source, const LinkOptions *link, const char *entry, const void *vocab, size_t vocab_bytes,
                   const char *path);
#endif
