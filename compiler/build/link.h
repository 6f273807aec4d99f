/* Linking with the system's C compiler driver, and finding the runtime it links with. */
#ifndef LATENTC_LINK_H
#define LATENTC_LINK_H
#include "target.h"
#include "util.h"
typedef struct {
    const char *
        cc; /* compiler driver; NULL: $CC, else cc, or aarch64-linux-gnu-gcc for a foreign target */
    const char *runtime; /* folder of liblatentrt.a, generator_entry.o, graph_main.o, ...; NULL:
                            beside this program */
} LinkOptions;
/* What a program's object is linked with: the part of the runtime that uses it (an object beside
 * liblatentrt.a), and into what. */
typedef enum {
    PROGRAM_GRAPH,     /* executable: reads and writes tensors */
    PROGRAM_GENERATOR, /* executable: prompt to PNG */
    PROGRAM_SHARED,    /* shared object: latentrt.h */
    PROGRAM_ARCHIVE,   /* archive: latentrt.h */
} ProgramKind;
/* err() names what is missing or what the linker said. Executables are static. */
void link_program(const Target *t, const LinkOptions *o, ProgramKind kind, const char *object,
                  const char *out);
/* What a program that is linked with an archive needs besides, as arguments of the compiler driver.
 */
const char *link_libraries(Arena *a);
/* object -> shared object exporting latentrt_program. */
void link_so(const Target *t, const LinkOptions *o, const char *object, const char *so);
#endif
