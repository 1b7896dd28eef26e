#include "decode/cache_policy.h"

#include <string.h>

static const um_cache_policy no_cache = {
    .name = "none",
    .summary = "recompute every row in every step, exactly",
};

static const um_cache_policy *const policy_table[] = {
    [UM_CACHE_NONE] = &no_cache,
    [UM_CACHE_PREFIX] = &um_cache_prefix,
    [UM_CACHE_DUAL] = &um_cache_dual,
    [UM_CACHE_DELAYED] = &um_cache_delayed,
    [UM_CACHE_VICINITY] = &um_cache_vicinity,
};

const um_cache_policy *um_cache_policy_at(size_t index) {
    return index < UM_CACHE_COUNT ? policy_table[index] : NULL;
}

um_status um_cache_find(const char *name, um_cache_kind *kind, um_error *error) {
    char known[128] = "";
    for (size_t i = 0; i < UM_CACHE_COUNT; i++) {
        if (strcmp(policy_table[i]->name, name) == 0) {
            *kind = (um_cache_kind)i;
            return UM_OK;
        }
        strncat(known, i ? ", " : "", sizeof known - strlen(known) - 1);
        strncat(known, policy_table[i]->name, sizeof known - strlen(known) - 1);
    }
    return UM_RAISE(error, UM_ERR_ARGUMENT, "there is no cache \"%.40s\"; choose one of %s", name,
                    known);
}

void um_cache_mark_range(const um_cache_view *view, size_t start, size_t end, uint8_t *recompute) {
    const size_t first = view->is_shifted && start > 0 ? start - 1 : start;
    memset(recompute + first, 1, end - first);
}
