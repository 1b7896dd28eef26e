#include "train/run/state_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/hash.h"
#include "base/mapped_file.h"
#include "base/memory.h"

#define MAGIC "UMTRAIN3"
#define WORD sizeof(uint64_t)
#define PATH_SIZE 1100

typedef struct state_header {
    char magic[8];
    uint64_t fingerprint;
    uint64_t section_count;
    uint64_t file_size;
    uint64_t checksum; /* of everything else */
} state_header;

typedef struct section_entry {
    char name[UM_STATE_NAME_SIZE];
    uint64_t size;
} section_entry;

typedef struct section_copies {
    void *items[UM_STATE_SECTION_MAXIMUM];
    size_t count;
} section_copies;

struct um_state_file {
    char path[PATH_SIZE];
    um_mapped_file mapped; /* empty on ranks that get copies */
    const section_entry *entries;
    size_t count;
    um_collective *collective; /* NULL for one process */
    section_copies *copies;    /* made by um_state_file_find; NULL for one process */
};

void um_state_sections_add(um_state_sections *sections, const char *name, const void *data,
                           size_t size) {
    assert(sections->count < UM_STATE_SECTION_MAXIMUM && strlen(name) < UM_STATE_NAME_SIZE);
    sections->items[sections->count++] =
        (um_state_section){.name = name, .data = data, .size = size};
}

/* FNV-1a over 64-bit words, the last one padded with zeros. */
static uint64_t add_to_checksum(uint64_t hash, const void *data, size_t bytes) {
    const unsigned char *next = data;
    for (size_t i = 0; i < bytes; i += WORD) {
        uint64_t word = 0;
        memcpy(&word, next + i, um_size_smaller(bytes - i, WORD));
        hash = um_hash_add(hash, word);
    }
    return hash;
}

static uint64_t start_checksum(const state_header *header) {
    return add_to_checksum(UM_HASH_START, header, offsetof(state_header, checksum));
}

/* ---- Writing ---------------------------------------------------------------- */

static state_header make_header(uint64_t fingerprint, const um_state_sections *sections,
                                const section_entry *entries) {
    state_header header = {.fingerprint = fingerprint,
                           .section_count = sections->count,
                           .file_size = sizeof header + sections->count * sizeof *entries};
    memcpy(header.magic, MAGIC, sizeof header.magic);
    for (size_t i = 0; i < sections->count; i++) {
        header.file_size += um_size_round_up(sections->items[i].size, WORD);
    }
    uint64_t hash = start_checksum(&header);
    hash = add_to_checksum(hash, entries, sections->count * sizeof *entries);
    for (size_t i = 0; i < sections->count; i++) {
        hash = add_to_checksum(hash, sections->items[i].data, sections->items[i].size);
    }
    header.checksum = hash;
    return header;
}

static um_status write_sections(um_atomic_file *file, uint64_t fingerprint,
                                const um_state_sections *sections, um_error *error) {
    static const char zeros[WORD] = {0};
    section_entry entries[UM_STATE_SECTION_MAXIMUM] = {0};
    for (size_t i = 0; i < sections->count; i++) {
        strcpy(entries[i].name, sections->items[i].name);
        entries[i].size = sections->items[i].size;
    }
    const state_header header = make_header(fingerprint, sections, entries);
    UM_TRY(um_atomic_file_write(file, &header, sizeof header, error));
    UM_TRY(um_atomic_file_write(file, entries, sections->count * sizeof *entries, error));
    for (size_t i = 0; i < sections->count; i++) {
        const um_state_section *section = &sections->items[i];
        UM_TRY(um_atomic_file_write(file, section->data, section->size, error));
        const size_t padding = um_size_round_up(section->size, WORD) - section->size;
        UM_TRY(um_atomic_file_write(file, zeros, padding, error));
    }
    return UM_OK;
}

um_status um_state_file_write(const char *path, uint64_t fingerprint,
                              const um_state_sections *sections, um_error *error) {
    um_atomic_file *file = NULL;
    UM_TRY(um_atomic_file_open(path, &file, error));
    const um_status status = write_sections(file, fingerprint, sections, error);
    if (status != UM_OK) {
        um_atomic_file_discard(file);
        return status;
    }
    return um_atomic_file_commit(file, error);
}

/* ---- Reading ---------------------------------------------------------------- */

static um_status raise_damaged(const char *path, um_error *error) {
    return UM_RAISE(error, UM_ERR_FORMAT,
                    "%s: damaged (the checksum differs); restore it from a copy, or delete it to "
                    "start again",
                    path);
}

static um_status check_header(const um_state_file *file, const state_header *header,
                              um_error *error) {
    if (memcmp(header->magic, MAGIC, sizeof header->magic) != 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: not a training state of this version",
                        file->path);
    }
    if (header->file_size != file->mapped.size) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: %zu bytes, expected %zu", file->path,
                        file->mapped.size, (size_t)header->file_size);
    }
    const size_t rest = file->mapped.size - sizeof *header;
    return header->section_count <= UM_STATE_SECTION_MAXIMUM &&
                   header->section_count * sizeof *file->entries <= rest
               ? UM_OK
               : raise_damaged(file->path, error);
}

/* Whether the sections fill the file exactly, and every name is terminated. */
static bool sections_fit(const um_state_file *file) {
    size_t rest = file->mapped.size - sizeof(state_header) - file->count * sizeof *file->entries;
    for (size_t i = 0; i < file->count; i++) {
        const section_entry *entry = &file->entries[i];
        if (!memchr(entry->name, 0, sizeof entry->name) || entry->size > rest ||
            um_size_round_up(entry->size, WORD) > rest) {
            return false;
        }
        rest -= um_size_round_up(entry->size, WORD);
    }
    return rest == 0;
}

static um_status check(um_state_file *file, uint64_t fingerprint, um_error *error) {
    state_header header;
    if (file->mapped.size < sizeof header) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: truncated", file->path);
    }
    memcpy(&header, file->mapped.data, sizeof header);
    UM_TRY(check_header(file, &header, error));
    file->count = header.section_count;
    file->entries = (const void *)(file->mapped.data + sizeof header);
    if (!sections_fit(file)) {
        return raise_damaged(file->path, error);
    }
    const uint64_t checksum =
        add_to_checksum(start_checksum(&header), file->entries, file->mapped.size - sizeof header);
    if (checksum != header.checksum) {
        return raise_damaged(file->path, error);
    }
    return header.fingerprint == fingerprint
               ? UM_OK
               : UM_RAISE(error, UM_ERR_MISMATCH,
                          "%s: belongs to another recipe or model; continue with that one, or "
                          "write to another directory",
                          file->path);
}

static um_status create(const char *path, um_state_file **file, um_error *error) {
    *file = NULL;
    if (strlen(path) >= PATH_SIZE) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s: path too long", path);
    }
    um_state_file *opened = calloc(1, sizeof *opened);
    if (!opened) {
        return um_error_memory(error, "state", sizeof *opened);
    }
    strcpy(opened->path, path);
    *file = opened;
    return UM_OK;
}

static um_status map(um_state_file *file, uint64_t fingerprint, um_error *error) {
    UM_TRY(um_mapped_file_open(file->path, &file->mapped, error));
    return check(file, fingerprint, error);
}

um_status um_state_file_open(const char *path, uint64_t fingerprint, um_state_file **file,
                             um_error *error) {
    UM_TRY(create(path, file, error));
    const um_status status = map(*file, fingerprint, error);
    if (status != UM_OK) {
        um_state_file_close(*file);
        *file = NULL;
    }
    return status;
}

um_status um_state_file_open_among(um_collective *collective, const char *path,
                                   uint64_t fingerprint, um_state_file **file, um_error *error) {
    if (um_collective_size(collective) == 1) {
        return um_state_file_open(path, fingerprint, file, error);
    }
    um_status status = create(path, file, error);
    if (status == UM_OK) {
        (*file)->collective = collective;
        status = um_allocate(&(*file)->copies, 1, sizeof *(*file)->copies, "state", error);
    }
    if (status == UM_OK && um_collective_rank(collective) == 0) {
        status = map(*file, fingerprint, error);
    }
    status = um_collective_agree_on_status(collective, status, error);
    if (status != UM_OK) {
        um_state_file_close(*file);
        *file = NULL;
    }
    return status;
}

void um_state_file_close(um_state_file *file) {
    if (file) {
        um_mapped_file_close(&file->mapped);
        for (size_t i = 0; file->copies && i < file->copies->count; i++) {
            free(file->copies->items[i]);
        }
        free(file->copies);
        free(file);
    }
}

const char *um_state_file_path(const um_state_file *file) {
    return file->path;
}

static um_status find_mapped(const um_state_file *file, const char *name, const void **data,
                             size_t *size, um_error *error) {
    const uint8_t *next = (const uint8_t *)(file->entries + file->count);
    for (size_t i = 0; i < file->count; i++) {
        if (strcmp(file->entries[i].name, name) == 0) {
            *data = next;
            *size = file->entries[i].size;
            return UM_OK;
        }
        next += um_size_round_up(file->entries[i].size, WORD);
    }
    return UM_RAISE(error, UM_ERR_MISMATCH, "%s: has no section \"%s\"", file->path, name);
}

um_status um_state_file_has(const um_state_file *file, const char *name, bool *has,
                            um_error *error) {
    const void *data = NULL;
    size_t size = 0;
    *has = um_collective_rank(file->collective) == 0 &&
           find_mapped(file, name, &data, &size, NULL) == UM_OK;
    return um_collective_broadcast(file->collective, has, sizeof *has, error);
}

/* *data is set on rank 0 only, *size on all ranks. */
static um_status find_among(const um_state_file *file, const char *name, const void **data,
                            size_t *size, um_error *error) {
    um_status status = UM_OK;
    *data = NULL;
    *size = 0;
    if (um_collective_rank(file->collective) == 0) {
        status = find_mapped(file, name, data, size, error);
    }
    UM_TRY(um_collective_agree_on_status(file->collective, status, error));
    return um_collective_broadcast(file->collective, size, sizeof *size, error);
}

static um_status find_section(const um_state_file *file, const char *name, const void **data,
                              size_t *size, um_error *error) {
    return file->collective ? find_among(file, name, data, size, error)
                            : find_mapped(file, name, data, size, error);
}

um_status um_state_file_find(const um_state_file *file, const char *name, const void **data,
                             size_t *size, um_error *error) {
    UM_TRY(find_section(file, name, data, size, error));
    if (!file->collective) {
        return UM_OK;
    }
    void *copy = NULL;
    um_status status =
        file->copies->count < UM_STATE_SECTION_MAXIMUM
            ? um_allocate(&copy, *size, 1, "state", error)
            : UM_RAISE(error, UM_ERR_LIMIT, "%s: too many sections are open", file->path);
    UM_TRY(um_collective_agree_on_status(file->collective, status, error));
    file->copies->items[file->copies->count++] = copy;
    if (*data) {
        memcpy(copy, *data, *size);
    }
    *data = copy;
    return um_collective_broadcast(file->collective, copy, *size, error);
}

um_status um_state_file_read(const um_state_file *file, const char *name, void *data, size_t size,
                             um_error *error) {
    const void *stored = NULL;
    size_t stored_size = 0;
    UM_TRY(find_section(file, name, &stored, &stored_size, error));
    if (stored_size != size) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: belongs to another recipe or model (\"%s\" has %zu bytes, not %zu)",
                        file->path, name, stored_size, size);
    }
    if (stored) {
        memcpy(data, stored, size);
    }
    return file->collective ? um_collective_broadcast(file->collective, data, size, error) : UM_OK;
}
