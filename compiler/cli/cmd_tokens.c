/* latentc tokens: the ids of a prompt, without building anything. */
#include <stdlib.h>
#include <stdio.h>

#include "tokenizer.h"
#include "commands.h"
#include "flags.h"
#include "vocab.h"
#include "err.h"
#include "outfile.h"

int cmd_tokens(int argc, char **argv)
{
    const char *path = NULL, *prompt = NULL;
    /* clang-format off */
    const Flag flags[] = {
        {"vocab", 0, FLAG_STRING, &path, "FILE|FOLDER",
         "merges file (.txt, .gz), tokenizer.json, or a folder with one of these", 0, 0},
        {"prompt", 'p', FLAG_STRING, &prompt, "TEXT", "the text to encode", 0, 0},
    };
    /* clang-format on */
    const Command cmd = {
        .usage = "latentc tokens --vocab FILE -p TEXT",
        .about =
            "Prints the token ids of a prompt on one line, from start of text to end of text, without padding.\n"
            "  latentc tokens --vocab graphs/shapes/merges.txt -p \"a red circle\"",
        .flags = flags,
        .n_flags = sizeof flags / sizeof *flags};
    flags_parse(&cmd, argc, argv);
    if (!path || !prompt)
        usage_err("tokens: %s is missing; usage: %s", path ? "-p TEXT" : "--vocab FILE", cmd.usage);
    size_t bytes;
    void *blob = vocab_load(path, &bytes);
    lrt_vocab v;
    lrt_tokens t = {0};
    lrt_error e;
    if (!lrt_vocab_open(blob, bytes, &v, &e))
        die("%s", e.text);
    if (!lrt_tokenize(&v, prompt, &t, &e))
        err("prompt: %s", e.text);
    for (size_t i = 0; i < t.n; i++)
        printf(i ? " %d" : "%d", t.ids[i]);
    putchar('\n');
    free(t.ids);
    free(blob);
    stdout_check();
    return EXIT_OK;
}
