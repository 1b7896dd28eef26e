#include "train/corpus/data_order.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/rng.h"

/* Fisher-Yates with one counter-based draw per element. */
static void shuffle(um_data_order *order, uint64_t epoch) {
    for (size_t i = 0; i < order->count; i++) {
        order->permutation[i] = (uint32_t)i;
    }
    for (size_t i = order->count; i > 1; i--) {
        const um_rng_place place = {UM_RNG_DATA_ORDER, (uint32_t)epoch, 0, (uint32_t)i};
        const size_t j = um_rng_below(order->seed, place, (uint32_t)i);
        const uint32_t swapped = order->permutation[i - 1];
        order->permutation[i - 1] = order->permutation[j];
        order->permutation[j] = swapped;
    }
    order->epoch = epoch;
}

um_status um_data_order_create(uint64_t seed, size_t count, um_data_order *order, um_error *error) {
    *order = (um_data_order){.seed = seed, .count = count};
    if (count == 0 || count > UINT32_MAX) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%zu documents, expected 1 to %u", count, UINT32_MAX);
    }
    UM_TRY(
        um_allocate(&order->permutation, count, sizeof *order->permutation, "data order", error));
    shuffle(order, 0);
    return UM_OK;
}

void um_data_order_free(um_data_order *order) {
    free(order->permutation);
    *order = (um_data_order){0};
}

size_t um_data_order_at(um_data_order *order, const um_data_cursor *cursor) {
    if (cursor->epoch != order->epoch) {
        shuffle(order, cursor->epoch);
    }
    return order->permutation[cursor->index];
}

void um_data_order_advance(const um_data_order *order, um_data_cursor *cursor) {
    cursor->index++;
    if (cursor->index >= order->count) {
        cursor->index = 0;
        cursor->epoch++;
    }
}
