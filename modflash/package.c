/* SPDX-License-Identifier: BSD-2-Clause */
#include "package.h"

#include "check.h"
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void identity_of(const struct modfmt_image *image, struct identity *ret_identity)
{
    struct modfmt_tag tag;

    memset(ret_identity, 0, sizeof *ret_identity);
    if (modfmt_tag_find(image, MODFMT_TAG_NAME, &tag) == 1 &&
        tag.length <= MODFMT_NAME_MAX) {
        memcpy(ret_identity->name, tag.value, tag.length);
        ret_identity->name_length = tag.length;
    }
    if (modfmt_tag_find(image, MODFMT_TAG_VERSION, &tag) == 1 && tag.length == 6) {
        ret_identity->has_version = true;
        for (int i = 0; i < 3; i++) {
            ret_identity->version[i] = (uint16_t)modfmt_get16(tag.value + 2 * i);
        }
    }
}

const char *identity_version(const struct identity *identity, char text[24])
{
    if (!identity->has_version) {
        return "-";
    }
    snprintf(text, 24, "%u.%u.%u", identity->version[0], identity->version[1],
             identity->version[2]);
    return text;
}

int identity_compare(const struct identity *a, const struct identity *b)
{
    for (int i = 0; i < 3; i++) {
        if (a->version[i] != b->version[i]) {
            return a->version[i] < b->version[i] ? -1 : 1;
        }
    }
    return 0;
}

static int read_bytes(struct modfmt_store_source *source, uint32_t offset, void *bytes,
                      uint32_t size)
{
    const struct package *package = source->ctx;

    if (!modfmt_range(offset, size, package->size)) {
        return -1;
    }
    /* Before it knows the place, the store reads no more than the header at once. A
     * linked image must never get to any place but its own: better nothing is changed. */
    if (package->linked && offset == 0 && size > MODFMT_HEADER_SIZE &&
        source->image.offset != package->place) {
        return -1;
    }
    memcpy(bytes, package->bytes + offset, size);
    return 0;
}

void package_of_image(struct package *package, const char *path, uint8_t *bytes,
                      uint32_t size)
{
    struct modfmt_image image;
    struct modfmt_diag diag;

    memset(package, 0, sizeof *package);
    package->path = path;
    package->bytes = bytes;
    package->size = size;
    package->source.read = read_bytes;
    package->source.ctx = package;
    if (modfmt_open(bytes, size, &image, &diag) == 0) {
        identity_of(&image, &package->identity);
    }
}

void package_take(struct package *package, uint8_t *bytes, uint32_t size)
{
    free(package->bytes);
    package->bytes = bytes;
    package->size = size;
}

void package_read(struct package *package, const char *path)
{
    struct modfmt_image image;
    struct modfmt_diag diag = {0, 0, 0, 0};
    size_t size;
    int rc;

    memset(package, 0, sizeof *package);
    package->path = path;
    package->bytes = cli_read_file(path, &size);
    rc = size > MODFMT_SIZE_MAX
             ? modfmt_fail(&diag, MODFMT_E_TOTAL_SIZE, 0, 0, 0)
             : modfmt_open(package->bytes, (uint32_t)size, &image, &diag);
    if (rc == 0) {
        rc = modfmt_check(&image, &diag);
    }
    if (rc == 0) {
        rc = modfmt_check_trailing(&image, (uint32_t)size, &diag);
    }
    if (rc != 0) {
        cli_die(
            CLI_REFUSED, path,
            "is no module that can be loaded: offset 0x%x: %s; 'moddump %s' tells more",
            diag.offset, modfmt_strerror(rc), path);
    }
    package->size = image.size;
    identity_of(&image, &package->identity);
    if (package->identity.name_length == 0) {
        cli_die(
            CLI_REFUSED, path,
            "has no name, and modules in flash are told apart by their names; pack it "
            "with mkmod --name NAME");
    }
    package->source.read = read_bytes;
    package->source.ctx = package;
}

bool package_suits(const struct package *package, const struct target_chip *chip)
{
    uint32_t needs = modfmt_get16(package->bytes + MODFMT_OFF_NEEDS);
    uint32_t abi = MODFMT_NEED_ABI_SOFT | MODFMT_NEED_ABI_HARD;
    uint32_t missing = needs & ~(chip->provides | abi);
    char *names;

    if (missing == 0) {
        return true;
    }
    names = check_feature_names(missing);
    cli_error(package->path, "needs %s, which a %s does not have; build it for that chip",
              names, chip->name);
    free(names);
    return false;
}

void package_free(struct package *package)
{
    free(package->bytes);
    package->bytes = NULL;
}
