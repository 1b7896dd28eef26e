#include "statistics/pass_at_k.h"

double um_pass_at_k(size_t samples, size_t passed, size_t k) {
    if (samples - passed < k) {
        return 1.0;
    }
    /* C(n-c, k) / C(n, k) as a product of factors below 1. */
    double fails = 1.0;
    for (size_t i = samples - passed + 1; i <= samples; i++) {
        fails *= 1.0 - (double)k / (double)i;
    }
    return 1.0 - fails;
}
