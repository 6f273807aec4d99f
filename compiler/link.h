/* Linking with the system's C compiler driver, and finding the runtime it links with. */
#ifndef LATENTC_LINK_H
#define LATENTC_LINK_H
#include "target.h"
#include "util.h"
typedef struct {
    const char *cc;       /* compiler driver; NULL: $CC, else cc, or aarch64-linux-gnu-gcc for a foreign target */
    const char *runtime;  /* folder of liblatentrt.a, generator_entry.o, graph_main.o; NULL: beside this program */
} LinkOptions;
/* object + entry ("generator_entry.o", "graph_main.o") + liblatentrt.a -> exe, statically. err() names what is missing or what the linker said. */
void link_exe(const Target *t, const LinkOptions *o, const char *object, const char *entry, const char *exe);
/* object -> shared object exporting latentrt_program. */
void link_so(const Target *t, const LinkOptions *o, const char *object, const char *so);
#endif
