// checker: decides from pixels alone whether a picture shows its caption.
//
//     checker [--loose] PICTURE.png --caption-json '{"objects": [...], ...}'
//     checker [--loose] PICTURE.png --captions FILE.json --entry N
//     checker [--loose] --folder DIR --captions FILE.json      judges DIR/0.png, DIR/1.png, ...
//     where they exist, and sums up
//
// One line per picture: the file, right or wrong, and why. --loose leaves size and place words
// aside. Exit: 0 right (a folder: judged), 1 wrong or unreadable, 2 usage.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"

typedef struct {
    const char *picture, *json, *captions, *folder;
    int entry;
    bool loose;
} Options;

static int usage(void)
{
    fprintf(
        stderr,
        "usage: checker [--loose] PICTURE.png (--caption-json JSON | --captions FILE --entry N)\n"
        "       checker [--loose] --folder DIR --captions FILE\n");
    return 2;
}

static bool parse_options(int argc, char **argv, Options *o)
{
    *o = (Options){.entry = -1};
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--loose") == 0) {
            o->loose = true;
        } else if (argv[i][0] != '-') {
            o->picture = argv[i];
        } else if (!next) {
            return false;
        } else {
            if (strcmp(argv[i], "--caption-json") == 0)
                o->json = next;
            else if (strcmp(argv[i], "--captions") == 0)
                o->captions = next;
            else if (strcmp(argv[i], "--folder") == 0)
                o->folder = next;
            else if (strcmp(argv[i], "--entry") == 0)
                o->entry = atoi(next);
            else
                return false;
            i++;
        }
    }
    if (o->folder)
        return o->captions && !o->picture && !o->json;
    return o->picture && (o->json ? !o->captions : o->captions && o->entry >= 0);
}

// The whole file as a string, or NULL after a message. Owned by the caller.
static char *read_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    if (f && fseek(f, 0, SEEK_END) == 0) {
        long n = ftell(f);
        rewind(f);
        text = n >= 0 ? malloc((size_t)n + 1) : NULL;
        if (text)
            text[fread(text, 1, (size_t)n, f)] = 0;
    }
    if (f)
        fclose(f);
    if (!text)
        fprintf(stderr, "checker: cannot read %s\n", path);
    return text;
}

// Judges one picture and prints its line. False when it is wrong or cannot be read.
static bool check(const char *path, const Caption *caption, bool loose)
{
    Picture p;
    char reason[256];
    if (!picture_read(path, &p))
        return false;
    Scene scene = see(&p);
    bool right = judge(&scene, caption, loose, reason, sizeof reason);
    printf("%s: %s: %s\n", path, right ? "right" : "wrong", reason);
    picture_free(&p);
    return right;
}

static int check_folder(const Options *o, const char *json)
{
    int right[3] = {0}, total[3] = {0};
    Caption caption;
    char message[256], path[4096];
    for (int i = 0; caption_parse_entry(json, i, &caption, message, sizeof message); i++) {
        snprintf(path, sizeof path, "%s/%d.png", o->folder, i);
        FILE *f = fopen(path, "rb");
        if (!f)
            continue;
        fclose(f);
        total[caption.count]++;
        right[caption.count] += check(path, &caption, o->loose);
    }
    for (int n = 1; n <= 2; n++)
        if (total[n])
            printf("%s: %d of %d right, %.1f %%\n", n == 1 ? "one object" : "two objects", right[n],
                   total[n], 100.0 * right[n] / total[n]);
    return total[1] + total[2] ? 0 : 1;
}

int main(int argc, char **argv)
{
    Options o;
    Caption caption;
    char message[256];
    if (!parse_options(argc, argv, &o))
        return usage();
    char *file = o.captions ? read_text(o.captions) : NULL;
    if (o.captions && !file)
        return 1;
    int status;
    if (o.folder) {
        status = check_folder(&o, file);
    } else if (o.json ? caption_parse(o.json, &caption, message, sizeof message)
                      : caption_parse_entry(file, o.entry, &caption, message, sizeof message)) {
        status = check(o.picture, &caption, o.loose) ? 0 : 1;
    } else {
        fprintf(stderr, "checker: %s\n", message);
        status = 2;
    }
    free(file);
    return status;
}
