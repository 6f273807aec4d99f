/* main() of a generator. latentc links it in front of the runtime library, which has no main(), so
 * that other programs can use the library. */
#include "generator.h"

int main(int argc, char **argv) { return lrt_generator_run(argc, argv, &latentrt_pipeline, NULL); }
