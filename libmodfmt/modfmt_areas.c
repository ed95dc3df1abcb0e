/* SPDX-License-Identifier: BSD-2-Clause */
/* Where an image's areas are: for hosts, and for firmware that links. */
#include "modfmt.h"

void modfmt_areas(const uint8_t *header, struct modfmt_areas *ret_areas)
{
    uint32_t imports = modfmt_get16(header + MODFMT_OFF_IMPORT_COUNT);
    uint32_t exports = modfmt_get16(header + MODFMT_OFF_EXPORT_COUNT);
    struct modfmt_areas *at = ret_areas;

    at->text = MODFMT_HEADER_SIZE;
    at->data = at->text + modfmt_up4(modfmt_get32(header + MODFMT_OFF_TEXT_STORED));
    at->relocs = at->data + modfmt_up4(modfmt_get32(header + MODFMT_OFF_DATA_STORED));
    at->imports = at->relocs + modfmt_up4(modfmt_get32(header + MODFMT_OFF_RELOC_SIZE));
    at->import_flags = at->imports + MODFMT_IMPORT_SIZE * imports;
    at->exports = at->import_flags + modfmt_up4(imports);
    at->export_flags = at->exports + MODFMT_EXPORT_SIZE * exports;
    at->tags = at->export_flags + modfmt_up4(exports);
}
