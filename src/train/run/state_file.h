/* The state of a run on disk: named sections of bytes, in one file that is replaced whole.
 *
 * Layout, in the byte order of the machine (a state of the other order looks damaged): a header
 * with magic, fingerprint, number of sections, size of the file and checksum; for each section its
 * name (zero-padded) and size; then their contents, each padded with zeros to 8 bytes.  The
 * checksum covers everything but itself. */
#ifndef UM_TRAIN_RUN_STATE_FILE_H
#define UM_TRAIN_RUN_STATE_FILE_H

#include "collective/collective.h"

#define UM_STATE_SECTION_MAXIMUM 24
#define UM_STATE_NAME_SIZE 24

/* Borrowed memory under a name of fewer than UM_STATE_NAME_SIZE bytes. */
typedef struct um_state_section {
    const char *name;
    const void *data;
    size_t size; /* bytes */
} um_state_section;

typedef struct um_state_sections {
    um_state_section items[UM_STATE_SECTION_MAXIMUM];
    size_t count;
} um_state_sections;

/* Add a section; the caller stays below UM_STATE_SECTION_MAXIMUM. */
void um_state_sections_add(um_state_sections *sections, const char *name, const void *data,
                           size_t size);

/* Write the sections beside the file at `path`, fsync, and rename, so that a kill at any moment
 * leaves a whole state.  `fingerprint` says whose state it is. */
um_status um_state_file_write(const char *path, uint64_t fingerprint,
                              const um_state_sections *sections, um_error *error);

typedef struct um_state_file um_state_file;

/* Map and check a state.  UM_ERR_MISMATCH: it has another fingerprint; UM_ERR_FORMAT: it is not a
 * state, or damaged anywhere. */
um_status um_state_file_open(const char *path, uint64_t fingerprint, um_state_file **file,
                             um_error *error);
/* The same for all ranks of a collective: only rank 0 opens `path`, and what it reads is copied to
 * the others, which need not see the file.  All ranks make the same calls in the same order. */
um_status um_state_file_open_among(um_collective *collective, const char *path,
                                   uint64_t fingerprint, um_state_file **file, um_error *error);
void um_state_file_close(um_state_file *file);

const char *um_state_file_path(const um_state_file *file);

/* Whether there is a section of that name. */
um_status um_state_file_has(const um_state_file *file, const char *name, bool *has,
                            um_error *error);

/* A section's bytes, aligned to 8, valid until the file is closed.  UM_ERR_MISMATCH: there is
 * none. */
um_status um_state_file_find(const um_state_file *file, const char *name, const void **data,
                             size_t *size, um_error *error);

/* Copy a section of exactly `size` bytes.  UM_ERR_MISMATCH: it is missing or of another size. */
um_status um_state_file_read(const um_state_file *file, const char *name, void *data, size_t size,
                             um_error *error);

#endif
