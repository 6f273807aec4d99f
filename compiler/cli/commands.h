/* The commands of latentc. One row each; dispatch and --help come from the row. */
#ifndef LATENTC_COMMANDS_H
#define LATENTC_COMMANDS_H
/* GROUP(headline of the commands that follow)
 * COMMAND(name, arguments, one line of help): int cmd_<name>(int argc, char **argv) with argv[0]
 * the command's name; returns the exit code. */
/* clang-format off */
#define COMMANDS(GROUP, COMMAND) \
    GROUP("Compile") \
    COMMAND(build,   "PIPELINE.json -o EXE", "a standalone generator: prompt in, PNG out") \
    COMMAND(compile, "GRAPH.json -o FILE --emit KIND", "one graph: exe, obj, so, asm, ll or bc") \
    GROUP("Run and measure") \
    COMMAND(run,     "GRAPH.json --inputs IN --outputs OUT", "compile and run one graph on safetensors files") \
    COMMAND(bench,   "PIPELINE.json", "time every stage, fused and unfused, against the machine's peak") \
    GROUP("Weights") \
    COMMAND(weights, "list|check|convert|fetch SPEC", "what a checkpoint holds, whether it fits, the same in another form; downloads") \
    GROUP("Look inside") \
    COMMAND(show,    "GRAPH.json [--after PASS]", "a graph as text, dot or JSON") \
    COMMAND(tokens,  "--vocab FILE -p TEXT", "the tokens of a prompt") \
    COMMAND(targets, "", "the CPUs that code can be made for, and what this machine has")
/* clang-format on */
#define NO_GROUP(headline)
#define COMMAND_DECLARATION(name, args, text) int cmd_##name(int argc, char **argv);
COMMANDS(NO_GROUP, COMMAND_DECLARATION)
#undef COMMAND_DECLARATION
#undef NO_GROUP
#endif
