/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading and unloading of modules that need each other. See modload_life.h.
 *
 * What is read of an image here is not to be trusted: modload_image_load() checks its
 * CRC, and only if it is asked to. So offsets are checked where they are used. */
#include "modload_debug.h"
#include "modload_parts.h"

#define VERSION_SIZE 6u

void modload_begin(struct modload_registry *r)
{
    r->port.find = modload_find_import_;
    if (MODLOAD_WITH_DEPENDENCIES)
        r->port.options |= MODLOAD_OPT_DEPENDENCIES;
    r->modules = r->pending = NULL;
}

/* ---- who is there ------------------------------------------------------------- */

/** A module of a list by the hash of its name; 0 is that of none. */
static struct modload_module *named_(struct modload_module *m, uint32_t name)
{
    while (m && (m->name != name || name == 0))
        m = m->next;
    return m;
}

/** Where the registry's list points to a module, or to its end. */
static struct modload_module **link_(struct modload_registry *r,
                                     const struct modload_module *module)
{
    struct modload_module **at = &r->modules;

    while (*at && *at != module)
        at = &(*at)->next;
    return at;
}

struct modload_module *modload_find(const struct modload_registry *r, const char *name)
{
    return named_(r->modules, modload_name_hash_(name));
}

struct modload_module *modload_at(const struct modload_registry *r, uint32_t address)
{
    struct modload_module *m;

    for (m = r->modules; m; m = m->next)
        for (unsigned i = 0; i < 2; i++)
            if (address - m->image.segment[i].address < m->image.segment[i].size)
                return m;
    return NULL;
}

int modload_each(const struct modload_registry *r,
                 int (*visit)(struct modload_module *module, void *context),
                 void *context)
{
    struct modload_module *m;
    int rc = 0;

    for (m = r->modules; m && rc == 0; m = m->next)
        rc = visit(m, context);
    return rc;
}

int modload_fixed_check(const struct modload_registry *r, uint32_t align, uint32_t offset,
                        const struct modfmt_segment *segment, uint32_t begin,
                        uint32_t end)
{
    const struct modload_module *m;
    uint32_t at = segment->address, size = segment->size;

    if ((at - offset) % align != 0)
        return MODLOAD_E_LINKED;
    /* What is below the arena is far behind its end. */
    if (!modfmt_range(at - begin, size, end - begin))
        return MODLOAD_E_MEMORY;
    for (m = r->modules; m; m = m->next) {
        const struct modfmt_segment *s = &m->image.segment[1];

        /* Does one begin within the other? */
        if (s->size && (at - s->address < s->size || s->address - at < size))
            return MODLOAD_E_MEMORY;
    }
    return 0;
}

void *modload_params(const struct modload_module *m, uint32_t *ret_size)
{
    const struct modfmt_segment *s = m->image.segment;
    uint32_t place = m->params & ~MODFMT_PLACE_DATA;

    if (m->params & MODFMT_PLACE_DATA)
        s++;
    else if (m->image.placement >= MODLOAD_IN_PLACE)
        return NULL;
    if (m->params_size == 0 || !modfmt_range(place, m->params_size, s->size))
        return NULL;
    *ret_size = m->params_size;
    return s->bytes + place;
}

/* ---- loading -------------------------------------------------------------------- */

/** Have a module wait to be loaded: see what it is called. Storage that holds a module
 *  already is left alone. */
static int push_(struct modload_registry *r, const struct modload_source *source,
                 struct modload_module *m, const char *name, struct modfmt_diag *diag)
{
    struct modload_source from = *source; /* it may be in *m */
    const struct modload_module *other = r->pending;
    uint8_t index;
    int rc;

    while (other && other != m)
        other = other->next;
    if (other || *link_(r, m))
        return modfmt_fail(diag, MODLOAD_E_STATE, 0, 0, 0);
    index = m->index;
    __builtin_memset(m, 0, sizeof(*m));
    m->index = index;
    m->source = from;
    m->next = r->pending;
    r->pending = m;
    rc = modload_identify_(&r->port, m, diag);
    if (name)
        m->name = modload_name_hash_(name);
    if (rc == 0 && (named_(r->modules, m->name) || named_(m->next, m->name))) {
        diag->want = m->name;
        rc = MODLOAD_E_TWICE;
    }
    return rc;
}

/** Is a version lower than the one that a tag has there? */
static bool below_(const uint16_t *version, const uint8_t *bound)
{
    unsigned i = 0;

    while (i < 2 && version[i] == modfmt_get16(bound + 2 * i))
        i++;
    return version[i] < modfmt_get16(bound + 2 * i);
}

/** Note a dependency as met, if `found` does. */
static int meet_(struct modload_module *m, struct modload_module *found,
                 const uint8_t *range)
{
    if (found->state != MODLOAD_LOADED && found->state != MODLOAD_STARTED)
        return MODLOAD_E_STATE;
    if (below_(found->version, range) || !below_(found->version, range + VERSION_SIZE))
        return MODLOAD_E_DEPENDENCY;
    if (m->need_count == MODLOAD_NEEDS_MAX)
        return MODLOAD_E_DEPENDENCIES;
    m->need[m->need_count++] = found;
    found->users++;
    return 0;
}

/** Meet the dependencies of the pending module from where its walk stands. Not inlined: a
 *  tag's buffer shall not stay on the stack while images are loaded.
 *  @return 0: all are met; 1: *ret_name is to be loaded first; or an error */
__attribute__((noinline)) static int
resolve_(const struct modload_registry *r, uint32_t *ret_name, struct modfmt_diag *diag)
{
    struct modload_module *m = r->pending;
    struct modload_tags_ t = {
        .in = {&r->port, &m->source, diag}, .offset = m->tags, .end = m->end};
    int rc;

    while ((rc = modload_tags_next_(&t)) == 1) {
        struct modload_module *found;

        if (t.type != MODFMT_TAG_DEPENDENCY)
            continue;
        if (t.length <= 2 * VERSION_SIZE || t.length > MODLOAD_TAG_MAX_)
            return MODFMT_E_TAG_VALUE;
        *ret_name = diag->got = modfmt_hash((const char *)t.value + 2 * VERSION_SIZE,
                                            t.length - 2 * VERSION_SIZE);
        found = named_(r->modules, diag->got);
        if (!found)
            return named_(m, diag->got) ? MODLOAD_E_CYCLE : 1;
        rc = meet_(m, found, t.value);
        if (rc != 0)
            return rc;
        m->tags = t.offset;
    }
    return rc;
}

/** Have the module of that name wait before all others. */
static int supply_(struct modload_registry *r, uint32_t name, struct modfmt_diag *diag)
{
    struct modload_source source;
    struct modload_module *m = NULL;
    int rc;

    if (!r->supply || r->supply(r, name, &source, &m) || !m)
        return MODLOAD_E_DEPENDENCY;
    rc = push_(r, &source, m, NULL, diag);
    if (rc != 0)
        return rc;
    m->automatic = 1;
    diag->got = name;
    /* Or we would go on asking for it for ever. */
    return m->name == name ? 0 : MODLOAD_E_DEPENDENCY;
}

/** All that the pending module needs is there: load it, and enter it into the list. */
static int finish_(struct modload_registry *r, struct modfmt_diag *diag)
{
    struct modload_module *m = r->pending;
    uint32_t options = r->port.options;
    int rc;

    r->port.options = options & ~MODLOAD_OPT_CRC; /* it is right, or nobody asks */
    rc = modload_image_load(&r->port, &m->source, &m->image, diag);
    r->port.options = options;
    if (rc != 0)
        return rc;
    r->pending = m->next;
    m->next = r->modules;
    m->state = MODLOAD_LOADED;
    /* modload_at() may walk the list meanwhile, from a task that allocates. */
    __asm__ volatile("" ::: "memory");
    r->modules = m;
    modload_debug_event(m, MODLOAD_DEBUG_LOADED);
    return 0;
}

/** It is in no list any more: it needs nobody, and its storage is its owner's. */
static void dismiss_(struct modload_registry *r, struct modload_module *m)
{
    while (m->need_count)
        m->need[--m->need_count]->users--;
    m->export_count = m->params_size = 0;
    m->state = MODLOAD_EMPTY;
    if (r->dismiss)
        r->dismiss(r, m);
}

/** The first module that was loaded for others and is needed by none any more. */
static struct modload_module *idle_(const struct modload_registry *r)
{
    struct modload_module *m = r->modules;

    /* One that is on its way out already may have come here by its own destructor. */
    while (m && (m->users || !m->automatic || m->state == MODLOAD_STOPPING))
        m = m->next;
    return m;
}

/** Take a module that nobody needs out, and then those that were loaded for it alone. */
static void remove_(struct modload_registry *r, struct modload_module *m)
{
    for (; m; m = idle_(r)) {
        (void)modload_stop(r, m); /* if it is started; nobody needs it */
        modload_debug_event(m, MODLOAD_DEBUG_UNLOADING);
        *link_(r, m) = m->next;
        modload_image_unload(&r->port, &m->image);
        dismiss_(r, m);
    }
}

/** A load failed: let go of all that waits, and of what was loaded for it. */
static void undo_(struct modload_registry *r)
{
    struct modload_module *m = r->pending;

    if (m)
        r->failed = m->source;
    for (; m; m = r->pending) {
        r->pending = m->next;
        dismiss_(r, m);
    }
    remove_(r, idle_(r));
}

int modload_load(struct modload_registry *r, const struct modload_source *source,
                 struct modload_module *module, struct modfmt_diag *diag)
{
    return modload_load_as(r, source, module, NULL, diag);
}

int modload_load_as(struct modload_registry *r, const struct modload_source *source,
                    struct modload_module *module, const char *name,
                    struct modfmt_diag *diag)
{
    uint32_t needed = 0;
    int rc;

    r->failed = *source;
    if (r->pending) /* from within port.place(), say: those who wait are not ours */
        return modfmt_fail(diag, MODLOAD_E_STATE, 0, 0, 0);
    rc = push_(r, source, module, name, diag);
    while (rc == 0 && r->pending) {
        rc = MODLOAD_WITH_DEPENDENCIES ? resolve_(r, &needed, diag) : 0;
        if (rc == 0)
            rc = finish_(r, diag);
        else if (rc == 1)
            rc = supply_(r, needed, diag);
    }
    diag->code = rc;
    if (rc != 0)
        undo_(r);
    return rc;
}

int modload_unload(struct modload_registry *r, struct modload_module *module)
{
    if (!*link_(r, module) || module->state == MODLOAD_STOPPING)
        return MODLOAD_E_STATE;
    if (module->users)
        return MODLOAD_E_IN_USE;
    remove_(r, module);
    return 0;
}
