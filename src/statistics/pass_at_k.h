/* pass@k: the share of problems that are solved within k attempts. */
#ifndef UM_STATISTICS_PASS_AT_K_H
#define UM_STATISTICS_PASS_AT_K_H

#include <stddef.h>

/* The unbiased estimate of pass@k, 1 - C(n-c, k) / C(n, k), for c of n samples that pass
 * (Chen et al., arXiv:2107.03374, equation 1).  0 < k <= n. */
double um_pass_at_k(size_t samples, size_t passed, size_t k);

#define UM_PASS_KS 8

/* The values of k for which pass@k is reported, in this order. */
typedef struct um_pass_ks {
    size_t values[UM_PASS_KS]; /* [count], each at least 1 */
    size_t count;
} um_pass_ks;

#endif
