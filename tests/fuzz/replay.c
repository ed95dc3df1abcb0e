/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs the fuzz target over files, or over all files of folders: what the fuzzer found once
 * must hold for ever, and needs no clang. Vectors have no option byte: --image FOLDER gives
 * them each of the 128. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static unsigned long runs;

static void run(const char *path, bool image)
{
    static uint8_t bytes[1 << 20];
    FILE *f = fopen(path, "rb");
    size_t size;

    if (!f) {
        perror(path);
        exit(3);
    }
    size = fread(bytes + 1, 1, sizeof(bytes) - 1, f);
    fclose(f);
    if (!image) {
        LLVMFuzzerTestOneInput(bytes + 1, size);
        runs++;
        return;
    }
    for (unsigned options = 0; options < 128; options++) {
        bytes[0] = (uint8_t)options;
        LLVMFuzzerTestOneInput(bytes, size + 1);
        runs++;
    }
}

static void run_folder(const char *path, bool image)
{
    DIR *dir = opendir(path);

    if (!dir) {
        run(path, image);
        return;
    }
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        char name[4096];
        int n = snprintf(name, sizeof(name), "%s/%s", path, e->d_name);

        if (e->d_name[0] != '.' && n > 0 && (size_t)n < sizeof(name) &&
            !strstr(e->d_name, ".txt"))
            run(name, image);
    }
    closedir(dir);
}

int main(int argc, char **argv)
{
    bool image = false;

    for (int k = 1; k < argc; k++)
        if (!strcmp(argv[k], "--image"))
            image = true;
        else
            run_folder(argv[k], image);
    printf("%lu runs\n", runs);
    return runs < 100; /* an empty corpus proves nothing */
}
