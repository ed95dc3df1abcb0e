/* SPDX-License-Identifier: BSD-2-Clause */
/** --load-at: the loader's own core, on the host, into memory of exactly the size that it
 *  asked for. */
#include "moddump.h"
#include "modload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What fresh memory holds, so that a byte that the loader forgets shows. */
#define STALE 0xa5

struct piece {
    uint8_t *bytes;
    uint32_t size;
};

struct host {
    const struct module *module;
    const struct load_request *request;
    uint32_t text_address;
    struct piece pieces[3]; /* by enum modload_purpose; data is the third one always */
};

/* ---- imports --------------------------------------------------------------- */

const char *load_bind(struct load_request *request, const char *text)
{
    const char *sign = strrchr(text, '=');
    struct binding binding = {.text = text};
    if (sign == NULL || sign == text || !cli_parse_u32(sign + 1, &binding.address)) {
        return "is not NAME=ADDR, with ADDR a number below 2^32";
    }
    char *name = cli_format("%.*s", (int)(sign - text), text);
    bool numeric = name[0] >= '0' && name[0] <= '9';
    bool good = !numeric || cli_parse_u32(name, &binding.hash);
    if (!numeric) {
        binding.hash = modfmt_hash(name, (uint32_t)strlen(name));
    }
    free(name);
    if (!good) {
        return "has no name or 0xHASH in front of the \"=\"";
    }
    for (size_t i = 0; i < request->binding_count; i++) {
        if (request->bindings[i].hash == binding.hash &&
            request->bindings[i].address != binding.address) {
            return "is bound twice, to two addresses";
        }
    }
    request->bindings = cli_grow(request->bindings, &request->binding_capacity,
                                 request->binding_count + 1, sizeof *request->bindings);
    request->bindings[request->binding_count++] = binding;
    return NULL;
}

static const struct binding *find_binding(const struct load_request *request,
                                          uint32_t hash)
{
    for (size_t i = 0; i < request->binding_count; i++) {
        if (request->bindings[i].hash == hash) {
            return &request->bindings[i];
        }
    }
    return NULL;
}

/* All that are missing, so that one run tells what to add. */
static bool imports_bound(const struct module *m, const struct load_request *request)
{
    char *list = NULL;
    size_t size = 0, missing = 0;
    FILE *out = open_memstream(&list, &size);
    if (out == NULL) {
        cli_die(CLI_IO, NULL, "out of memory");
    }
    for (uint32_t i = 0; i < m->image.import_count; i++) {
        const struct modfmt_import *import = &m->imports[i];
        if (import->weak == 0 && find_binding(request, import->hash) == NULL) {
            fputs(missing++ == 0 ? "" : ", ", out);
            put_import(out, m, i);
        }
    }
    if (fclose(out) != 0) {
        cli_die(CLI_IO, NULL, "out of memory");
    }
    if (missing != 0) {
        cli_error(m->path,
                  "%zu import%s not bound: %s; give each an address with --import "
                  "NAME=ADDR [MODLOAD_E_IMPORT]",
                  missing, missing == 1 ? " is" : "s are", list);
    }
    free(list);
    return missing == 0;
}

/* ---- placement ------------------------------------------------------------- */

static bool ends_in_reach(const char *path, const char *what, uint32_t address,
                          uint32_t size)
{
    if (size != 0 && size - 1 > UINT32_MAX - address) {
        cli_error(path,
                  "%s at 0x%08" PRIx32 " is %" PRIu32
                  " bytes long and would pass the end of the address space",
                  what, address, size);
        return false;
    }
    return true;
}

static bool text_fits(const struct module *m, const struct load_request *r)
{
    const struct modfmt_image *image = &m->image;
    uint32_t align = 1u << image->text_align;
    if (!r->apart && image->data_mem != 0 && image->data_align > image->text_align) {
        align = 1u << image->data_align;
    }
    uint32_t text = r->address - m->prefix;
    if (r->apart && image->text_mem == 0) {
        return true; /* it is nowhere */
    }
    if (text % align != 0) {
        cli_error(m->path,
                  "cannot be loaded at 0x%08" PRIx32 ": the address must be 0x%" PRIx32
                  " modulo %" PRIu32,
                  r->address, m->prefix % align, align);
        return false;
    }
    if (r->address < m->prefix) {
        cli_error(m->path,
                  "cannot be loaded at 0x%08" PRIx32 ": the %" PRIu32
                  " bytes of veneers that go in front would lie below address 0",
                  r->address, m->prefix);
        return false;
    }
    return ends_in_reach(m->path, r->apart ? "text" : "the module", text,
                         r->apart ? image->text_mem : image->text_mem + image->data_mem);
}

static bool data_fits(const struct module *m, const struct load_request *r)
{
    const struct modfmt_image *image = &m->image;
    uint32_t align = 1u << image->data_align;
    uint32_t remainder = image->text_mem % align;
    uint32_t text = r->address - m->prefix;
    if (!r->apart || image->data_mem == 0) {
        return true;
    }
    if (r->data_address % align != remainder) {
        cli_error(m->path,
                  "data cannot be loaded at 0x%08" PRIx32
                  ": the address must be 0x%" PRIx32 " modulo %" PRIu32,
                  r->data_address, remainder, align);
        return false;
    }
    if (!ends_in_reach(m->path, "data", r->data_address, image->data_mem)) {
        return false;
    }
    /* Both ends are in reach, so no sum wraps. */
    if (r->data_address >= text ? r->data_address - text < image->text_mem
                                : text - r->data_address < image->data_mem) {
        cli_error(m->path,
                  "text (%" PRIu32 " bytes at 0x%08" PRIx32 ") and data (%" PRIu32
                  " bytes at 0x%08" PRIx32 ") would overlap",
                  image->text_mem, text, image->data_mem, r->data_address);
        return false;
    }
    return true;
}

/* A linked image is where it is, or nowhere. */
static bool linked_there(const struct module *m, const struct load_request *r)
{
    uint32_t data = m->image.data_mem != 0 ? m->link.data : r->data_address;
    if (r->apart && r->address == m->link.text + m->prefix && r->data_address == data) {
        return true;
    }
    cli_error(m->path,
              "the image is linked to one place: give --load-at 0x%08" PRIx32
              " --data-at 0x%08" PRIx32 ", or --unlink it before [%s]",
              m->link.text + m->prefix, m->link.data,
              modfmt_strerror_name(MODLOAD_E_LINKED));
    return false;
}

static bool placement_allowed(const struct module *m, const struct load_request *r)
{
    if (m->linked) {
        return linked_there(m, r);
    }
    if (r->apart && (m->image.flags & MODFMT_FLAG_APART) == 0) {
        cli_error(m->path,
                  "the module's text and data can only be loaded as one block: leave "
                  "--data-at away [MODLOAD_E_PLACEMENT]");
        return false;
    }
    if (!r->apart && (m->image.flags & MODFMT_FLAG_BLOCK) == 0) {
        cli_error(m->path,
                  "the module's text and data can only be loaded apart: give --data-at "
                  "as well [MODLOAD_E_PLACEMENT]");
        return false;
    }
    return true;
}

/* ---- the port -------------------------------------------------------------- */

static int host_read(const struct modload_port *port, const struct modload_source *source,
                     uint32_t offset, void *buffer, uint32_t size)
{
    if (!modfmt_range(offset, size, source->available)) {
        return -1;
    }
    memcpy(buffer, ((const struct host *)port->ctx)->module->bytes + offset, size);
    return 0;
}

/* All kinds of data are in one place. */
static enum modload_purpose piece_of(enum modload_purpose purpose)
{
    return purpose > MODLOAD_DATA ? MODLOAD_DATA : purpose;
}

static int host_place(const struct modload_port *port, enum modload_purpose purpose,
                      uint32_t align, uint32_t offset, struct modfmt_segment *segment)
{
    struct host *host = port->ctx;
    struct piece *piece;
    (void)align; /* looked at before */
    (void)offset;
    piece = &host->pieces[piece_of(purpose)];
    piece->size = segment->size;
    piece->bytes = malloc(piece->size);
    if (piece->bytes == NULL) {
        return MODLOAD_E_MEMORY;
    }
    memset(piece->bytes, STALE, piece->size);
    segment->bytes = piece->bytes;
    segment->address = host->text_address;
    if (piece_of(purpose) == MODLOAD_DATA) {
        segment->address = host->request->data_address;
    }
    return 0;
}

static void host_release(const struct modload_port *port, enum modload_purpose purpose,
                         const struct modfmt_segment *segment)
{
    struct host *host = port->ctx;
    (void)segment;
    free(host->pieces[piece_of(purpose)].bytes);
    host->pieces[piece_of(purpose)] = (struct piece){NULL, 0};
}

static void host_sync(const struct modload_port *port, const struct modload_image *module)
{
    /* Nothing here runs what was loaded. */
    (void)port;
    (void)module;
}

static int host_find(const struct modload_port *port, uint32_t hash, uint32_t type,
                     uint32_t *ret_address)
{
    const struct host *host = port->ctx;
    const struct binding *binding = find_binding(host->request, hash);
    (void)type; /* the user binds by hand */
    if (binding == NULL) {
        return MODLOAD_E_IMPORT;
    }
    *ret_address = binding->address;
    return 0;
}

static int load(struct host *host, struct modfmt_diag *diag)
{
    const struct module *m = host->module;
    /* The firmware is the one that the image was linked for, if it was. */
    const struct modload_identity identity = {
        .build_id = m->link.build_id,
        .build_id_size = m->link.build_id_size,
        .api = m->link.api,
    };
    const struct modload_port port = {
        .ctx = host,
        .identity = &identity,
        .features = MODFMT_NEED_ALL,
        /* Needed modules are seen to by --import. */
        .options = MODLOAD_OPT_CRC | MODLOAD_OPT_DEPENDENCIES |
                   (host->request->apart ? MODLOAD_OPT_APART : 0),
        .read = host_read,
        .place = host_place,
        .release = host_release,
        .find = host_find,
        .sync = host_sync,
    };
    const struct modload_source source = {
        .mapped = m->bytes,
        .available = m->image.size,
        .address = m->linked ? m->link.text - MODFMT_HEADER_SIZE : 0,
    };
    struct modload_image loaded = {0};
    return modload_image_load(&port, &source, &loaded, diag);
}

/* ---- the files ------------------------------------------------------------- */

static int write_files(const struct host *host)
{
    const struct load_request *r = host->request;
    const struct modfmt_image *image = &host->module->image;
    const struct piece in_place = {host->module->bytes + image->at.text, image->text_mem};
    const struct piece *text =
        host->module->linked ? &in_place
                             : &host->pieces[r->apart ? MODLOAD_TEXT : MODLOAD_BLOCK];
    const struct piece *data = &host->pieces[MODLOAD_DATA];
    uint32_t prefix = host->module->prefix;
    int status = CLI_OK;

    /* A module may have no text, or no memory at all: then nothing was placed. */
    status = cli_write_file(r->output, text->size != 0 ? text->bytes + prefix : NULL,
                            text->size - prefix);
    if (status == CLI_OK && r->data_output != NULL) {
        uint32_t size = r->apart ? image->data_mem : 0;
        status = cli_write_file(r->data_output, data->bytes, size);
    }
    if (status == CLI_OK && r->prefix_output != NULL) {
        status = cli_write_file(r->prefix_output, text->bytes, prefix);
    }
    return status;
}

int load_module(const struct module *module, const struct load_request *request)
{
    struct host host = {
        .module = module,
        .request = request,
        .text_address = request->address - module->prefix,
    };
    struct modfmt_diag diag = {0};
    if (!placement_allowed(module, request) || !text_fits(module, request) ||
        !data_fits(module, request) ||
        (!module->linked && !imports_bound(module, request))) {
        return CLI_REFUSED;
    }
    int code = load(&host, &diag);
    int status;
    if (code == 0) {
        status = write_files(&host);
    } else if (code == MODLOAD_E_MEMORY) {
        cli_error(NULL, "out of memory");
        status = CLI_IO;
    } else {
        print_load_refusal(module, &diag);
        status = CLI_REFUSED;
    }
    for (size_t i = 0; i < sizeof host.pieces / sizeof host.pieces[0]; i++) {
        free(host.pieces[i].bytes);
    }
    return status;
}
