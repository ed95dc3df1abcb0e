/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks many images in one process: records of a 32-bit length (little-endian) and that
 * many bytes on stdin, one line with the error's number (0: good) on stdout for each.
 * Every image lies in memory of just its size, so that a sanitizer sees each overrun. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modfmt.h"

static int check(const uint8_t *bytes, uint32_t size)
{
    struct modfmt_image image;
    struct modfmt_diag diag;
    int rc = modfmt_open(bytes, size, &image, &diag);

    if (rc == 0)
        rc = modfmt_check(&image, &diag);
    if (rc == 0)
        rc = modfmt_check_trailing(&image, size, &diag);
    if (rc && diag.code != rc)
        abort();
    return rc;
}

int main(void)
{
    uint8_t head[4];

    while (fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
        uint32_t size = modfmt_get32(head);
        uint8_t *bytes = malloc(size ? size : 1);

        if (!bytes || fread(bytes, 1, size, stdin) != size)
            return 3;
        printf("%d\n", check(bytes, size));
        free(bytes);
    }
    return ferror(stdin) || fflush(stdout) ? 3 : 0;
}
