#include "tokenizer/vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tokenizer/hash.h"

typedef struct um_vocabulary_entry {
    size_t offset;
    uint32_t length;
    bool present;
} um_vocabulary_entry;

/* The part of the hash kept beside the id avoids most comparisons with the bytes of other
 * tokens. */
typedef struct um_vocabulary_slot {
    int32_t id; /* -1: empty */
    uint32_t tag;
} um_vocabulary_slot;

static bool holds(const um_vocabulary *vocabulary, int32_t id, const char *bytes, size_t length) {
    const um_vocabulary_entry *entry = &vocabulary->entries[id];
    return entry->length == length && memcmp(vocabulary->bytes + entry->offset, bytes, length) == 0;
}

/* The slot that holds these bytes, or the empty one where they belong. */
static um_vocabulary_slot *slot_of(const um_vocabulary *vocabulary, uint64_t hash,
                                   const char *bytes, size_t length) {
    const size_t mask = vocabulary->slot_count - 1;
    const uint32_t tag = (uint32_t)(hash >> 32);
    for (size_t at = (size_t)hash & mask;; at = (at + 1) & mask) {
        um_vocabulary_slot *slot = &vocabulary->slots[at];
        if (slot->id < 0 || (slot->tag == tag && holds(vocabulary, slot->id, bytes, length))) {
            return slot;
        }
    }
}

/* Replace the index by one of `count` slots, a power of two. */
static um_status resize_index(um_vocabulary *vocabulary, size_t count, um_error *error) {
    um_vocabulary_slot *old = vocabulary->slots;
    const size_t old_count = vocabulary->slot_count;
    um_vocabulary_slot *slots = NULL;
    UM_TRY(um_allocate(&slots, count, sizeof *slots, "vocabulary index", error));
    memset(slots, 0xFF, count * sizeof *slots);
    vocabulary->slots = slots;
    vocabulary->slot_count = count;
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].id >= 0) {
            const um_vocabulary_entry *entry = &vocabulary->entries[old[i].id];
            const char *bytes = vocabulary->bytes + entry->offset;
            *slot_of(vocabulary, um_hash_bytes(bytes, entry->length), bytes, entry->length) =
                old[i];
        }
    }
    free(old);
    return UM_OK;
}

um_status um_vocabulary_reserve(um_vocabulary *vocabulary, size_t count, um_error *error) {
    if (count > UM_VOCABULARY_MAXIMUM_SIZE) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%zu tokens, at most %zu are read", count,
                        UM_VOCABULARY_MAXIMUM_SIZE);
    }
    size_t slots = 64;
    while (slots < count * 2) {
        slots *= 2;
    }
    return slots > vocabulary->slot_count ? resize_index(vocabulary, slots, error) : UM_OK;
}

/* Make room for entries 0..id and for `length` more bytes. */
static um_status reserve(um_vocabulary *vocabulary, size_t id, size_t length, um_error *error) {
    const size_t old_capacity = vocabulary->capacity;
    UM_TRY(um_grow(&vocabulary->entries, &vocabulary->capacity, id + 1, sizeof *vocabulary->entries,
                   "vocabulary", error));
    if (vocabulary->capacity > old_capacity) {
        memset(vocabulary->entries + old_capacity, 0,
               (vocabulary->capacity - old_capacity) * sizeof *vocabulary->entries);
    }
    size_t needed = 0;
    if (!um_size_add(vocabulary->bytes_length, length, &needed)) {
        return um_error_memory(error, "vocabulary", SIZE_MAX);
    }
    /* One byte more, so that `bytes` is never a null pointer. */
    return um_grow(&vocabulary->bytes, &vocabulary->bytes_capacity, needed + 1, 1, "vocabulary",
                   error);
}

static um_status index_token(um_vocabulary *vocabulary, int32_t id, um_error *error) {
    UM_TRY(um_vocabulary_reserve(vocabulary, vocabulary->hashed + 1, error));
    const um_vocabulary_entry *entry = &vocabulary->entries[id];
    const char *bytes = vocabulary->bytes + entry->offset;
    const uint64_t hash = um_hash_bytes(bytes, entry->length);
    um_vocabulary_slot *slot = slot_of(vocabulary, hash, bytes, entry->length);
    if (slot->id >= 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "tokens %d and %d are the same bytes", slot->id, id);
    }
    *slot = (um_vocabulary_slot){id, (uint32_t)(hash >> 32)};
    vocabulary->hashed++;
    return UM_OK;
}

um_status um_vocabulary_add(um_vocabulary *vocabulary, int64_t id, const char *bytes, size_t length,
                            bool searchable, um_error *error) {
    if (id < 0 || (uint64_t)id >= UM_VOCABULARY_MAXIMUM_SIZE) {
        return UM_RAISE(error, UM_ERR_LIMIT, "token id %lld is not in 0 to %zu", (long long)id,
                        UM_VOCABULARY_MAXIMUM_SIZE - 1);
    }
    if (length > UINT32_MAX) {
        return UM_RAISE(error, UM_ERR_LIMIT, "token %lld has %zu bytes", (long long)id, length);
    }
    const char *present = NULL;
    size_t present_length = 0;
    if (um_vocabulary_bytes(vocabulary, (int32_t)id, &present, &present_length)) {
        if (present_length == length && memcmp(present, bytes, length) == 0) {
            return UM_OK;
        }
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "token id %lld is given twice, as \"%.*s\" and \"%.*s\"", (long long)id,
                        (int)(present_length < 64 ? present_length : 64), present,
                        (int)(length < 64 ? length : 64), bytes);
    }
    UM_TRY(reserve(vocabulary, (size_t)id, length, error));
    memcpy(vocabulary->bytes + vocabulary->bytes_length, bytes, length);
    vocabulary->entries[id] =
        (um_vocabulary_entry){vocabulary->bytes_length, (uint32_t)length, true};
    vocabulary->bytes_length += length;
    if (vocabulary->size <= (size_t)id) {
        vocabulary->size = (size_t)id + 1;
    }
    return searchable ? index_token(vocabulary, (int32_t)id, error) : UM_OK;
}

int32_t um_vocabulary_find(const um_vocabulary *vocabulary, const char *bytes, size_t length) {
    if (vocabulary->slot_count == 0) {
        return -1;
    }
    return slot_of(vocabulary, um_hash_bytes(bytes, length), bytes, length)->id;
}

bool um_vocabulary_bytes(const um_vocabulary *vocabulary, int32_t id, const char **bytes,
                         size_t *length) {
    if (id < 0 || (size_t)id >= vocabulary->size || !vocabulary->entries[id].present) {
        return false;
    }
    *bytes = vocabulary->bytes + vocabulary->entries[id].offset;
    *length = vocabulary->entries[id].length;
    return true;
}

void um_vocabulary_free(um_vocabulary *vocabulary) {
    free(vocabulary->bytes);
    free(vocabulary->entries);
    free(vocabulary->slots);
    *vocabulary = (um_vocabulary){0};
}
