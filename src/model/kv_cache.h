/* Keys (after the rotation) and values of one sequence, for every layer. */
#ifndef UM_MODEL_KV_CACHE_H
#define UM_MODEL_KV_CACHE_H

#include "model/config.h"

typedef struct um_kv_cache {
    size_t capacity; /* rows that fit */
    size_t length;   /* rows 0 .. length-1 exist; at most capacity */
    size_t layers;
    size_t width;   /* floats per row and layer: kv_heads * head_dim */
    uint8_t *valid; /* [capacity]: nonzero if the row's keys and values have been computed */
    float *keys;    /* [layers, capacity, width] */
    float *values;  /* [layers, capacity, width] */
} um_kv_cache;

/* A cache for `capacity` rows, all invalid.  Release with um_kv_cache_free. */
um_status um_kv_cache_create(const um_model_config *config, size_t capacity, um_kv_cache **cache,
                             um_error *error);
void um_kv_cache_free(um_kv_cache *cache);

/* Bytes of the keys and values of one row, in all layers. */
size_t um_kv_cache_row_bytes(const um_model_config *config);

/* Forget every row and set the length.  UM_ERR_LIMIT if it is over the capacity.  The rows that
 * were valid are cleared: attention multiplies rows that it may not see by zero, which would not
 * hide an infinity left by another prompt. */
um_status um_kv_cache_reset(um_kv_cache *cache, size_t length, um_error *error);

/* Keys and values of one layer, [capacity, width]. */
float *um_kv_cache_keys(const um_kv_cache *cache, size_t layer);
float *um_kv_cache_values(const um_kv_cache *cache, size_t layer);

#endif
