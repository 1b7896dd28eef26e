#include "model/kv_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static um_status allocate_rows(um_kv_cache *cache, um_error *error) {
    size_t rows = 0;
    if (!um_size_multiply(cache->capacity, cache->layers, &rows)) {
        return um_error_memory(error, "key and value cache", SIZE_MAX);
    }
    const size_t bytes = cache->width * sizeof(float);
    UM_TRY(um_allocate(&cache->keys, rows, bytes, "key cache", error));
    UM_TRY(um_allocate(&cache->values, rows, bytes, "value cache", error));
    return um_allocate(&cache->valid, cache->capacity, 1, "key and value cache", error);
}

um_status um_kv_cache_create(const um_model_config *config, size_t capacity, um_kv_cache **cache,
                             um_error *error) {
    *cache = NULL;
    um_kv_cache *created = calloc(1, sizeof *created);
    if (!created) {
        return um_error_memory(error, "key and value cache", sizeof *created);
    }
    created->capacity = capacity;
    created->layers = config->layer_count;
    created->width = config->kv_head_count * config->head_dim;
    const um_status status = allocate_rows(created, error);
    if (status != UM_OK) {
        um_kv_cache_free(created);
        return status;
    }
    *cache = created;
    return UM_OK;
}

void um_kv_cache_free(um_kv_cache *cache) {
    if (cache) {
        free(cache->keys);
        free(cache->values);
        free(cache->valid);
        free(cache);
    }
}

size_t um_kv_cache_row_bytes(const um_model_config *config) {
    return 2 * config->layer_count * config->kv_head_count * config->head_dim * sizeof(float);
}

static void clear_row(um_kv_cache *cache, size_t row) {
    const size_t bytes = cache->width * sizeof(float);
    for (size_t layer = 0; layer < cache->layers; layer++) {
        memset(um_kv_cache_keys(cache, layer) + row * cache->width, 0, bytes);
        memset(um_kv_cache_values(cache, layer) + row * cache->width, 0, bytes);
    }
}

um_status um_kv_cache_reset(um_kv_cache *cache, size_t length, um_error *error) {
    if (length > cache->capacity) {
        return UM_RAISE(error, UM_ERR_LIMIT, "sequence of %zu tokens: the cache has room for %zu",
                        length, cache->capacity);
    }
    for (size_t row = 0; row < cache->capacity; row++) {
        if (cache->valid[row]) {
            clear_row(cache, row);
            cache->valid[row] = 0;
        }
    }
    cache->length = length;
    return UM_OK;
}

float *um_kv_cache_keys(const um_kv_cache *cache, size_t layer) {
    return cache->keys + layer * cache->capacity * cache->width;
}

float *um_kv_cache_values(const um_kv_cache *cache, size_t layer) {
    return cache->values + layer * cache->capacity * cache->width;
}
