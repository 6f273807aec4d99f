/* The commands of latentc. One row each; dispatch and --help come from the row. */
#ifndef LATENTC_COMMANDS_H
#define LATENTC_COMMANDS_H
/* GROUP(headline of the commands that follow)
 * COMMAND(name, arguments, one line of help): int cmd_<name>(int argc, char **argv) with argv[0]
 * the command's name; returns the exit code. */
/* clang-format off */
#define COMMANDS(GROUP, COMMAND) \
    GROUP("Compile") \
    COMMAND(build,   "PIPELINE.json -o EXE", "a generator: one program that turns a prompt into a PNG") \
    COMMAND(compile, "GRAPH.json -o FILE --emit KIND", "one graph as exe, obj, so, asm, ll or bc") \
    GROUP("Run and measure") \
    COMMAND(run,     "GRAPH.json --inputs IN --outputs OUT", "compile one graph and run it on safetensors files") \
    COMMAND(bench,   "PIPELINE.json", "time every stage, fused and unfused; compare with the machine's peak") \
    GROUP("Weights") \
    COMMAND(weights, "list|check|convert|fetch SPEC", "look into, check, convert and download weights") \
    GROUP("Look inside") \
    COMMAND(show,    "GRAPH.json [--after STAGE]", "a graph as text, dot or JSON; the lowered program") \
    COMMAND(tokens,  "--vocab FILE -p TEXT", "the token ids of a prompt") \
    COMMAND(targets, "", "the CPUs to compile for, and what this machine has")
/* clang-format on */
#define NO_GROUP(headline)
#define COMMAND_DECLARATION(name, args, text) int cmd_##name(int argc, char **argv);
COMMANDS(NO_GROUP, COMMAND_DECLARATION)
#undef COMMAND_DECLARATION
#undef NO_GROUP
#endif
