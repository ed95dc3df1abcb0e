/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * Rewriting a region that cannot be compacted on the chip, above all one that is a single
 * sector: erasing it erases everything, so all live images are first kept in a file here,
 * with what is to be added; a power failure then costs nothing but `modflash recover`.
 */
#ifndef MODFLASH_JOURNAL_H
#define MODFLASH_JOURNAL_H

#include "package.h"
#include "session.h"

/** $XDG_STATE_HOME/modflash/UID-BASE-SIZE.journal; NULL if there is no home to keep it.
 */
char *journal_path(const char *uid, const struct region *region);

/** An image in a journal. */
struct journal_image {
    uint8_t *bytes;
    uint32_t size;
    uint32_t flags; /**< MODFMT_STORE_PINNED */
    bool linked;    /**< it is linked anew for wherever it is put */
    uint32_t place; /**< offset in the region that it is linked for */
    struct identity identity;
};

struct journal {
    struct journal_image *image;
    uint32_t count;
    size_t capacity;
};

/** Read and check a journal of this region; print why it is none and exit. */
void journal_read(const struct session *session, struct journal *ret_journal);
/** Write it so that it survives whatever happens here, too. @return 0 or an exit status
 */
int journal_write(const struct session *session, const struct journal *journal);
/** Delete it so that it stays deleted. @return 0, or -1 and errno */
int journal_delete(const struct session *session);
/** Empty the region and put the journal's images in; then delete the file. */
void journal_apply(struct session *session, struct journal *journal);
/** Note whether it is linked, and for which place. */
void journal_look(const struct session *session, struct journal_image *image);
void journal_free(struct journal *journal);

/**
 * Rewrite the region with what is live and these packages (or none), if it all fits then.
 * @return false, with nothing done, if it does not
 */
bool journal_rewrite(struct session *session, struct package *package, uint32_t count);

#endif
