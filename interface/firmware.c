/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware.h"

#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "modfmt.h"

bool firmware_descriptor(const uint8_t *bytes, uint32_t size, uint32_t address,
                         struct firmware_descriptor *ret_descriptor)
{
    uint32_t own = modfmt_get32(bytes + MODFMT_HOST_OFF_SIZE);
    uint32_t words[FIRMWARE_DESCRIPTOR_SIZE / 4u] = {0};
    if (modfmt_get32(bytes + MODFMT_HOST_OFF_MAGIC) != MODFMT_HOST_MAGIC ||
        modfmt_get32(bytes + MODFMT_HOST_OFF_SELF) != address ||
        own < MODFMT_HOST_SIZE_MIN) {
        return false;
    }
    for (uint32_t i = 0; i < FIRMWARE_DESCRIPTOR_SIZE / 4u; i++) {
        if (modfmt_range(4 * i, 4, own) && modfmt_range(4 * i, 4, size)) {
            words[i] = modfmt_get32(bytes + 4 * i);
        }
    }
    *ret_descriptor =
        (struct firmware_descriptor){.version = words[MODFMT_HOST_OFF_VERSION / 4]};
    if (ret_descriptor->version == MODFMT_HOST_VERSION) {
        ret_descriptor->region_begin = words[MODFMT_HOST_OFF_REGION_BEGIN / 4];
        ret_descriptor->region_end = words[MODFMT_HOST_OFF_REGION_END / 4];
        ret_descriptor->features = words[MODFMT_HOST_OFF_FEATURES / 4];
        ret_descriptor->exports = words[MODFMT_HOST_OFF_EXPORTS / 4];
        ret_descriptor->export_count = words[MODFMT_HOST_OFF_EXPORT_COUNT / 4];
        ret_descriptor->build_id = words[MODFMT_HOST_OFF_BUILD_ID / 4];
        ret_descriptor->build_id_size = words[MODFMT_HOST_OFF_BUILD_ID_SIZE / 4];
        ret_descriptor->arena_begin = words[MODFMT_HOST_OFF_ARENA_BEGIN / 4];
        ret_descriptor->arena_end = words[MODFMT_HOST_OFF_ARENA_END / 4];
        ret_descriptor->api_version = words[MODFMT_HOST_OFF_API_VERSION / 4];
    }
    return true;
}

/* ---- ELF files ----------------------------------------------------------------------
 */

/* What the file puts at an address: `size` bytes, or NULL. *ret_left, if it is not NULL,
 * is how many there are in all. */
static const uint8_t *at_address(Elf *elf, const uint8_t *bytes, size_t file_size,
                                 uint32_t address, uint32_t size, uint32_t *ret_left)
{
    size_t count = 0;
    (void)elf_getphdrnum(elf, &count);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr ph;
        if (gelf_getphdr(elf, (int)i, &ph) == NULL || ph.p_type != PT_LOAD ||
            ph.p_offset > file_size || ph.p_filesz > file_size - ph.p_offset ||
            address < ph.p_vaddr || address - ph.p_vaddr > ph.p_filesz ||
            size > ph.p_filesz - (address - ph.p_vaddr)) {
            continue;
        }
        if (ret_left != NULL) {
            *ret_left = (uint32_t)(ph.p_filesz - (address - ph.p_vaddr));
        }
        return bytes + ph.p_offset + (address - ph.p_vaddr);
    }
    return NULL;
}

/* The descriptor that a vector table at `table` would point to. */
static bool try_table(Elf *elf, struct firmware *f, size_t size, uint32_t table)
{
    const uint8_t *word =
        at_address(elf, f->bytes, size, table + 4u * MODFMT_HOST_VECTOR, 4, NULL);
    uint32_t at = word != NULL ? modfmt_get32(word) : 0;
    uint32_t left = 0;
    const uint8_t *bytes =
        at % 4u == 0 ? at_address(elf, f->bytes, size, at, MODFMT_HOST_SIZE_MIN, &left)
                     : NULL;
    return bytes != NULL && firmware_descriptor(bytes, left, at, &f->descriptor) &&
           f->descriptor.version == MODFMT_HOST_VERSION;
}

/* The vector table is where a segment or a section begins: behind a boot loader it is not
 * at the lowest address. */
static bool find_descriptor(Elf *elf, struct firmware *f, size_t size)
{
    Elf_Scn *section = NULL;
    size_t count = 0;
    (void)elf_getphdrnum(elf, &count);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr ph;
        if (gelf_getphdr(elf, (int)i, &ph) != NULL && ph.p_type == PT_LOAD &&
            try_table(elf, f, size, (uint32_t)ph.p_vaddr)) {
            return true;
        }
    }
    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr sh;
        if (gelf_getshdr(section, &sh) != NULL && (sh.sh_flags & SHF_ALLOC) != 0 &&
            try_table(elf, f, size, (uint32_t)sh.sh_addr)) {
            return true;
        }
    }
    return false;
}

/* The note that GNU ld and lld make of --build-id. */
static void find_note(Elf *elf, struct firmware *f)
{
    Elf_Scn *section = NULL;
    while (f->build_id_size == 0 && (section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr sh;
        GElf_Nhdr note;
        size_t at = 0, name, bytes;
        Elf_Data *data = gelf_getshdr(section, &sh) != NULL && sh.sh_type == SHT_NOTE
                             ? elf_getdata(section, NULL)
                             : NULL;
        while (data != NULL && (at = gelf_getnote(data, at, &note, &name, &bytes)) > 0) {
            if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof ELF_NOTE_GNU &&
                memcmp((char *)data->d_buf + name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) ==
                    0 &&
                note.n_descsz != 0 && note.n_descsz <= MODFMT_LINKED_BUILD_ID_MAX) {
                memcpy(f->build_id, (uint8_t *)data->d_buf + bytes, note.n_descsz);
                f->build_id_size = note.n_descsz;
            }
        }
    }
}

/* What a linked image is to be held against: as the firmware itself tells it. */
static void find_build_id(Elf *elf, size_t size, struct firmware *f)
{
    const struct firmware_descriptor *d = &f->descriptor;
    const uint8_t *bytes = NULL;
    if (f->described && d->build_id != 0 && d->build_id_size != 0 &&
        d->build_id_size <= sizeof f->build_id) {
        bytes = at_address(elf, f->bytes, size, d->build_id, d->build_id_size, NULL);
    }
    if (bytes == NULL) {
        find_note(elf, f);
        return;
    }
    memcpy(f->build_id, bytes, d->build_id_size);
    f->build_id_size = d->build_id_size;
}

static bool has_description(Elf *elf)
{
    Elf_Scn *section = NULL;
    size_t names = 0;
    (void)elf_getshdrstrndx(elf, &names);
    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr sh;
        const char *name = gelf_getshdr(section, &sh) != NULL
                               ? elf_strptr(elf, names, sh.sh_name)
                               : NULL;
        if (name != NULL && strcmp(name, INTERFACE_SECTION) == 0) {
            return true;
        }
    }
    return false;
}

static int look(const char *path, Elf *elf, size_t size, struct firmware *f)
{
    GElf_Ehdr header;
    if (elf == NULL || elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &header) == NULL ||
        header.e_machine != EM_ARM) {
        cli_error(path,
                  "is no ELF file for ARM: the firmware as it was linked is wanted");
        return CLI_REFUSED;
    }
    f->described = find_descriptor(elf, f, size);
    const struct firmware_descriptor *d = &f->descriptor;
    if (f->described && d->exports % 4u == 0 && d->export_count != 0 &&
        d->export_count <= FIRMWARE_EXPORTS_MAX) {
        f->table = at_address(elf, f->bytes, size, d->exports,
                              d->export_count * MODFMT_EXPORT_SIZE, NULL);
    }
    find_build_id(elf, size, f);
    return has_description(elf) ? interface_parse(path, f->bytes, size, &f->api) : CLI_OK;
}

int firmware_read(const char *path, struct firmware *ret_firmware)
{
    struct firmware f = {0};
    size_t size;
    f.bytes = cli_read_file(path, &size);
    int status;
    if (size < SELFMAG || memcmp(f.bytes, ELFMAG, SELFMAG) != 0) {
        status = interface_parse(path, f.bytes, size, &f.api);
    } else {
        elf_version(EV_CURRENT);
        Elf *elf = elf_memory((char *)f.bytes, size);
        f.built = true;
        status = look(path, elf, size, &f);
        elf_end(elf);
    }
    if (status == CLI_OK) {
        *ret_firmware = f;
    } else {
        firmware_free(&f);
    }
    return status;
}

void firmware_free(struct firmware *firmware)
{
    interface_free(firmware->api);
    free(firmware->bytes);
    *firmware = (struct firmware){0};
}
