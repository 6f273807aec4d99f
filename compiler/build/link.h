/* Linking with the system's C compiler driver, and finding the runtime that programs are linked
 * with. */
#ifndef LATENTC_LINK_H
#define LATENTC_LINK_H
#include "target.h"
#include "arena.h"

/* ---- link.c ---- */

typedef struct {
    const char *cc;      /* compiler driver; NULL: $CC, else cc, or the cross gcc of the target */
    const char *runtime; /* folder of liblatentrt.a and the entry objects; NULL: latentc's own */
    /* Of a generator that runs under MPI: the compiler driver of that MPI, and the entry object
     * that link_mpi_entry made. NULL: without MPI. */
    const char *mpicc, *mpi_entry;
} LinkOptions;

/* What a program's code becomes. Each kind has an entry object of the runtime, which lies next to
 * liblatentrt.a. */
typedef enum {
    PROGRAM_GRAPH,     /* executable: reads and writes tensors */
    PROGRAM_GENERATOR, /* executable: prompt to PNG */
    PROGRAM_SHARED,    /* shared object with the interface of latentrt.h */
    PROGRAM_ARCHIVE,   /* archive with the same interface */
} ProgramKind;

/* Links `object` and the runtime into the file `out`. Executables are static; where the
 * system lacks a static library, a note says so and they use shared ones. err() names what is
 * missing, or shows what the linker said. */
void link_program(const Target *t, const LinkOptions *o, ProgramKind kind, const char *object,
                  const char *out);

/* Compiles the entry of a generator that runs under MPI into the file `object`, by o->mpicc: so it
 * fits the MPI that is there. err() where there is none. */
void link_mpi_entry(const Target *t, const LinkOptions *o, const char *object);

/* Libraries that a program which uses an archive must be linked with: arguments of the driver. */
const char *link_libraries(Arena *a);

/* Links `object` alone into the shared object `so`, which exports latentrt_program. err() as
 * above. */
void link_so(const Target *t, const LinkOptions *o, const char *object, const char *so);
#endif
