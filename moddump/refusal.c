/* SPDX-License-Identifier: BSD-2-Clause */
/** Why an image was refused, in one sentence that also says what to do. */
#include "moddump.h"

#include <inttypes.h>
#include <string.h>

/* Enough for the longest sentence below. */
#define SENTENCE 400

static void say_truncated(char *text, const uint8_t *bytes, size_t size)
{
    if (size == 0) {
        snprintf(text, SENTENCE, "the file is empty");
    } else if (size < MODFMT_HEADER_SIZE) {
        snprintf(text, SENTENCE,
                 "the file has %zu bytes, a module's header alone has %u; it was cut "
                 "short: copy "
                 "it again",
                 size, MODFMT_HEADER_SIZE);
    } else {
        snprintf(text, SENTENCE,
                 "the file has %zu bytes, the header says %" PRIu32
                 "; it was cut short: copy it again",
                 size, modfmt_get32(bytes + MODFMT_OFF_TOTAL_SIZE));
    }
}

static void say_magic(char *text, const uint8_t *bytes)
{
    if (memcmp(bytes, "\177ELF", 4) == 0) {
        snprintf(text, SENTENCE,
                 "this is an ELF file, not a module: make one of it with mkmod");
    } else if (memcmp(bytes, "\xff\xff\xff\xff", 4) == 0) {
        snprintf(text, SENTENCE,
                 "this is not a module: it starts with bytes 0xff, as erased "
                 "flash does");
    } else {
        snprintf(text, SENTENCE,
                 "this is not a module: it starts with %02x %02x %02x %02x, not with 4d "
                 "4f 44 46 "
                 "(\"MODF\")",
                 bytes[0], bytes[1], bytes[2], bytes[3]);
    }
}

static void say_segment(char *text, const uint8_t *bytes)
{
    bool text_bad = modfmt_get32(bytes + MODFMT_OFF_TEXT_STORED) >
                        modfmt_get32(bytes + MODFMT_OFF_TEXT_MEM) ||
                    modfmt_get32(bytes + MODFMT_OFF_TEXT_MEM) > MODFMT_SIZE_MAX;
    uint32_t offset = text_bad ? MODFMT_OFF_TEXT_STORED : MODFMT_OFF_DATA_STORED;
    snprintf(text, SENTENCE,
             "the header says that %" PRIu32 " bytes of %s are stored, and %" PRIu32
             " are in memory: stored must not exceed memory, nor memory 0x%x",
             modfmt_get32(bytes + offset), text_bad ? "text" : "data",
             modfmt_get32(bytes + offset + 4), MODFMT_SIZE_MAX);
}

static void say_layout(char *text, const uint8_t *bytes)
{
    struct modfmt_areas at;
    modfmt_areas(bytes, &at);
    if (modfmt_get32(bytes + MODFMT_OFF_RELOC_SIZE) > MODFMT_SIZE_MAX) {
        snprintf(text, SENTENCE,
                 "the header says that there are %" PRIu32
                 " bytes of relocations, more than 0x%x",
                 modfmt_get32(bytes + MODFMT_OFF_RELOC_SIZE), MODFMT_SIZE_MAX);
    } else {
        snprintf(text, SENTENCE,
                 "the header's areas end at %" PRIu32 ", but its total size is %" PRIu32,
                 at.tags, modfmt_get32(bytes + MODFMT_OFF_TOTAL_SIZE));
    }
}

static void say_align(char *text, const uint8_t *bytes)
{
    unsigned text_align = bytes[MODFMT_OFF_TEXT_ALIGN];
    unsigned data_align = bytes[MODFMT_OFF_DATA_ALIGN];
    snprintf(
        text, SENTENCE,
        "the header asks for text aligned to 2^%u and data to 2^%u; 2^%u is the most",
        text_align, data_align, MODFMT_ALIGN_LOG2_MAX);
}

/* Errors whose numbers stand in the header. @return false: none of these */
static bool say_header(char *text, const uint8_t *bytes, size_t size,
                       const struct modfmt_diag *diag)
{
    switch (diag->code) {
    case MODFMT_E_TRUNCATED:
        say_truncated(text, bytes, size);
        return true;
    case MODFMT_E_MAGIC:
        say_magic(text, bytes);
        return true;
    case MODFMT_E_VERSION:
        snprintf(text, SENTENCE,
                 "the module's format is version %u.%u, this tool reads %u.x: "
                 "use a newer moddump",
                 bytes[MODFMT_OFF_MAJOR], bytes[MODFMT_OFF_MINOR], MODFMT_MAJOR);
        return true;
    case MODFMT_E_TOTAL_SIZE:
        snprintf(text, SENTENCE,
                 "the header says %" PRIu32 " bytes in all, which is not a "
                 "multiple of %u from %u to 0x%x",
                 modfmt_get32(bytes + MODFMT_OFF_TOTAL_SIZE), MODFMT_IMAGE_ALIGN,
                 MODFMT_HEADER_SIZE, MODFMT_SIZE_MAX);
        return true;
    case MODFMT_E_ALIGN:
        say_align(text, bytes);
        return true;
    case MODFMT_E_MACHINE:
        snprintf(text, SENTENCE,
                 "the module is for machine %" PRIu32 ", not for ARM (40)",
                 modfmt_get16(bytes + MODFMT_OFF_MACHINE));
        return true;
    case MODFMT_E_SEGMENT:
        say_segment(text, bytes);
        return true;
    case MODFMT_E_LAYOUT:
        say_layout(text, bytes);
        return true;
    case MODFMT_E_ENTRY:
        snprintf(text, SENTENCE,
                 "the entry is text+0x%" PRIx32 ": it must be odd (Thumb) and "
                 "within the 0x%" PRIx32 " bytes of text",
                 modfmt_get32(bytes + MODFMT_OFF_ENTRY),
                 modfmt_get32(bytes + MODFMT_OFF_TEXT_MEM));
        return true;
    default:
        return false;
    }
}

static void say_flags(char *text, uint32_t flags)
{
    if ((flags & ~MODFMT_FLAG_ALL) != 0) {
        snprintf(text, SENTENCE, "a reserved flag is set: the flags are 0x%08" PRIx32,
                 flags);
    } else {
        const uint32_t places =
            MODFMT_FLAG_BLOCK | MODFMT_FLAG_APART | MODFMT_FLAG_IN_PLACE;
        bool linked = (flags & MODFMT_FLAG_LINKED) != 0;
        snprintf(text, SENTENCE, "the flags (0x%08" PRIx32 ") %s", flags,
                 linked && (flags & places) != 0
                     ? "say that it is linked to a place, and allow others"
                 : linked ? "say that it is linked to a place, but not to which one"
                 : (flags & places) == 0
                     ? "allow no placement at all"
                     : "allow text to run in place, but not text and data apart");
    }
}

/* Errors of which the field as a whole tells more than the number that was compared. */
static bool say_field(char *text, const uint8_t *bytes, const struct modfmt_diag *diag)
{
    switch (diag->code) {
    case MODFMT_E_HEADER_CHECK:
    case MODFMT_E_CRC:
        snprintf(text, SENTENCE,
                 "%s: it says 0x%08" PRIx32 ", the bytes give 0x%08" PRIx32
                 "; the file was damaged or altered: copy or make it again",
                 modfmt_strerror(diag->code), diag->got, diag->want);
        return true;
    case MODFMT_E_FLAGS:
        say_flags(text, modfmt_get32(bytes + MODFMT_OFF_FLAGS));
        return true;
    case MODFMT_E_IN_PLACE:
        if (diag->offset == MODFMT_OFF_TEXT_STORED) {
            snprintf(text, SENTENCE,
                     "the text runs in place, but only %" PRIu32 " of its %" PRIu32
                     " bytes are stored",
                     diag->got, diag->want);
            return true;
        }
        if (diag->offset != MODFMT_OFF_TEXT_ALIGN) {
            snprintf(text, SENTENCE,
                     "the text may run in place, but has fix-ups: the list at offset "
                     "0x%" PRIx32,
                     diag->offset);
            return true;
        }
        snprintf(text, SENTENCE,
                 "the text may run in place, but asks to be aligned to 2^%" PRIu32
                 "; 2^%" PRIu32 " is the most for that",
                 diag->got, diag->want);
        return true;
    case MODFMT_E_NEEDS:
        snprintf(text, SENTENCE, "%s: the needs are 0x%04" PRIx32,
                 modfmt_strerror(diag->code), modfmt_get16(bytes + MODFMT_OFF_NEEDS));
        return true;
    case MODFMT_E_TAG_CRITICAL:
        snprintf(text, SENTENCE,
                 "%s: type 0x%02" PRIx32 " at offset 0x%" PRIx32 "; use a newer moddump",
                 modfmt_strerror(diag->code), diag->got, diag->offset);
        return true;
    case MODFMT_E_TRAILING:
        snprintf(text, SENTENCE,
                 "behind the image's %" PRIu32 " bytes, byte %" PRIu32 " is 0x%02" PRIx32
                 ": only 0xff (erased flash) may follow",
                 modfmt_get32(bytes + MODFMT_OFF_TOTAL_SIZE), diag->offset, diag->got);
        return true;
    default:
        return false;
    }
}

static const char *area_at(const uint8_t *bytes, uint32_t offset)
{
    struct modfmt_areas at;
    modfmt_areas(bytes, &at);
    return offset < MODFMT_HEADER_SIZE ? "header"
           : offset < at.data          ? "text"
           : offset < at.relocs        ? "data"
           : offset < at.imports       ? "relocations"
           : offset < at.exports       ? "imports"
           : offset < at.tags          ? "exports"
                                       : "tags";
}

/* What the numbers of the other errors say, where they say anything. */
static void say_numbers(char *text, size_t size, const struct modfmt_diag *diag)
{
    text[0] = 0;
    switch (diag->code) {
    case MODFMT_E_HEADER_SIZE:
        snprintf(text, size, " (it is %" PRIu32 ")", diag->got);
        break;
    case MODFMT_E_PADDING:
        snprintf(text, size, " (it is 0x%02" PRIx32 ")", diag->got);
        break;
    case MODFMT_E_RELOC_LIST:
        snprintf(text, size, " (0x%02" PRIx32 ")", diag->got);
        break;
    case MODFMT_E_RELOC_PLACE:
        snprintf(text, size, " (%" PRIu32 ", where at most %" PRIu32 " is possible)",
                 diag->got, diag->want);
        break;
    case MODFMT_E_RELOC_IMPORT:
        snprintf(text, size, " (number %" PRIu32 ", there are %" PRIu32 ")", diag->got,
                 diag->want);
        break;
    default:
        break;
    }
}

void print_refusal(const char *path, const uint8_t *bytes, size_t size,
                   const struct modfmt_diag *diag)
{
    char text[SENTENCE];
    char numbers[80];
    if (say_header(text, bytes, size, diag) || say_field(text, bytes, diag)) {
        cli_error(path, "%s [%s]", text, modfmt_strerror_name(diag->code));
    } else {
        say_numbers(numbers, sizeof numbers, diag);
        cli_error(path, "%s: in the %s, at offset 0x%" PRIx32 "%s [%s]",
                  modfmt_strerror(diag->code), area_at(bytes, diag->offset), diag->offset,
                  numbers, modfmt_strerror_name(diag->code));
    }
}

/* The tag that starts at `offset`, or NULL. */
static const struct modfmt_tag *tag_at(const struct module *module, uint32_t offset)
{
    for (size_t i = 0; i < module->tag_count; i++) {
        if (module->tags[i].offset - MODFMT_TAG_VALUE_OFFSET == offset) {
            return &module->tags[i];
        }
    }
    return NULL;
}

void print_load_refusal(const struct module *module, const struct modfmt_diag *diag)
{
    const char *why = modfmt_strerror(diag->code);
    const char *name = modfmt_strerror_name(diag->code);
    const struct modfmt_tag *tag = tag_at(module, diag->offset);
    if (diag->code == MODLOAD_E_UNSUPPORTED && tag != NULL) {
        cli_error(module->path, "%s: the tag 0x%02" PRIx32 " (%s) [%s]", why, tag->type,
                  tag_name(tag->type), name);
    } else {
        cli_error(module->path,
                  "%s (offset 0x%" PRIx32 ", 0x%" PRIx32 ", 0x%" PRIx32 ") [%s]", why,
                  diag->offset, diag->got, diag->want, name);
    }
}
