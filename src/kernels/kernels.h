/* Compute kernels: contracts, and the table through which they are called.
 *
 * The plain C version of a kernel (reference/) is its specification, fallback and test oracle;
 * faster versions that the processor supports replace it in the table.
 *
 * Common rules.  Arrays are dense f32 unless said otherwise, of any alignment; strides count
 * elements.  Outputs do not alias inputs unless a kernel says that it works in place.  A kernel
 * computes each output element in one fixed order, which depends only on the sizes of that
 * element's own reduction: not on how many rows or columns are computed at a time, nor on threads.
 */
#ifndef UM_KERNELS_KERNELS_H
#define UM_KERNELS_KERNELS_H

#include "kernels/kernel_list.h"
#include "kernels/packed.h"

/* What one AdamW update needs besides the arrays (Loshchilov and Hutter, 2019, algorithm 2). */
typedef struct um_adamw_step {
    float learning_rate;
    float beta1;
    float beta2;
    float epsilon;
    float weight_decay;
    float gradient_scale;    /* the gradient is multiplied by this first (clipping, averaging) */
    float first_correction;  /* 1 / (1 - beta1^t) */
    float second_correction; /* 1 / (1 - beta2^t) */
} um_adamw_step;

/* Tokens taken out of a row of logits, in ascending order. */
typedef struct um_token_entries {
    float *values;
    float *weights;
    uint32_t *tokens;
    size_t count;
} um_token_entries;

/* What a peak kernel did. */
typedef struct um_peak_work {
    double operations; /* multiplications and additions */
    float result;      /* depends on all of them, so that none can be optimised away */
} um_peak_work;

/* clang-format off: it would join the entries into paragraphs. */
/* matmul: y[i][j] = bias[j] + sum over k of x[i][k] * w[j][k], for i < m, j < n.
 *   x [m, k], w [n, k], bias [n] or NULL, y [m, n].
 * pack_rows: quantise a part of x [part.row_count, packed->k], whose row 0 is row part.first_row of
 *   `packed`: of each of these rows the blocks from part.first_block on.
 * matmul_packed: y = x w^T + bias as packed.h defines it, for the rows that pack_rows of the same
 *   table packed; w [n, rows->k] dense, of any type but F32 whose kind is that of `rows`; k >= 1.
 * weighted_sum: y[i][j] = sum over k of p[i][k] * v[k][j]; p [m, k], v [k, n], y [m, n].
 * weighted_sum_add: as weighted_sum, but y += ; each element's sum starts from what y holds.
 * transposed_sum_add: y[i][j] += sum over k of p[k][i] * v[k][j]; p [k, m], v [k, n], y [m, n];
 *   each element's sum starts from what y holds.
 * matmul_bf16, weighted_sum_bf16, weighted_sum_add_bf16, transposed_sum_add_bf16: the same, with
 *   both factors rounded to BF16 (nearest, ties to even) and sums in f32.  Every version gives the
 *   same bits, which are those of the instruction VDPBF16PS (Intel SDM, volume 2): with s the value
 *   that the sum starts from, for k = 0, 2, 4 ...: s <- s + product k + 1, then s <- s + product k,
 *   each rounded once; a last product without a partner is added after a zero.  Subnormal numbers
 *   count as zero wherever they would be read or produced.  The bias is added in f32.  Two things
 *   are not specified: the bits of a NaN, and whether a sum a little below 2^-126 that would be
 *   rounded to it becomes it or 0.
 * softmax: x <- exp(scale * (x - max)) / sum in place, over `count` >= 1 elements, scale > 0.
 *   -infinity gives exactly 0; if all are -infinity the result is all 0, not NaN.  A NaN makes the
 *   whole result NaN.
 * rms_norm: y = x * r * weight with r = 1 / sqrt(mean(x^2) + epsilon); *inverse_rms = r unless that
 *   pointer is NULL.  y may be x.
 * rotate_half: the rotary embedding of one head in place, in the halves (NeoX) layout: (a, b) =
 *   (x[i], x[i + count/2]) -> (a cos - b sin, b cos + a sin); `count` is even and cosine and sine
 *   have count/2 elements.  A negated sine undoes it.
 * swiglu: y = gate * sigmoid(gate) * up.  y may be gate or up.
 * rms_norm_backward: dx += d loss / d x, dweight += d loss / d weight, from dy = d loss / d y.
 * swiglu_backward: from dy, replaces gate by d loss / d gate and up by d loss / d up.
 * softmax_backward: for probabilities p = softmax(scale * x), replaces dp = d loss / d p by
 *   d loss / d x.
 * cross_entropy: *log_probability = log softmax(logits)[target]; probabilities = softmax(logits)
 *   unless NULL; it may be `logits`.
 * adamw: one decoupled-weight-decay Adam update in place of parameter and both moments.
 *
 * For sampling, over pieces of a row of logits; count >= 1:
 * logit_range: *maximum = the largest x, *magnitude = the largest |x|.  If any x is NaN,
 *   *magnitude is NaN and *maximum means nothing.
 * exponential: y[i] = exp(x[i] - shift) for x[i] <= shift; below e^-87 it may be 0.  y may be x.
 * exponential_sums: over the i with z = x[i] / divisor > above, z rounded to float and
 *   d = z - shift <= 0: weights[i] = exp(d), and 0 for all other i; *sum = their sum, *weighted =
 *   sum of exp(d) * d, in double.  above >= shift - 87; no x is NaN, divisor > 0; weights and
 *   weighted may be NULL.
 * gather_range: append the i with low <= x[i] / divisor <= high in ascending order to the entries,
 *   with the quotient as value and first + i as token; their weights are not set.  The entries have
 *   room for `count` more; the kernel may overwrite the part of that room that it does not fill.
 * split_range: *sum = sum of weights[i] over x[i] > high, *weighted = sum of
 *   weights[i] * (x[i] - shift) over the same, in double; append the i with low <= x[i] <= high
 *   as gather_range does, with x[i] as value and with their weights.
 *
 * peak_float, peak_wide, peak_narrow: compute many independent sums of products in registers,
 *   `rounds` >= 1 times over, with the instructions by which the set's products multiply weights of
 *   type F32, of the wide types and of the narrow types (packed.h), respectively. */
/* clang-format on */
typedef struct um_kernels {
    const char *name; /* of the fastest set in the table, for display */
#define UM_KERNEL_MEMBER(name, parameters) void(*name) parameters;
    UM_KERNEL_LIST(UM_KERNEL_MEMBER)
#undef UM_KERNEL_MEMBER
} um_kernels;

/* Fill the whole table with the plain C versions. */
void um_kernels_reference(um_kernels *kernels);

/* Replace all entries by versions in C for vectors of four floats; return false and change nothing
 * if they were not built or the processor lacks fused multiply-adds (on x86: FMA). */
bool um_kernels_portable(um_kernels *kernels);

/* Replace entries of a full table by the AVX2/FMA versions; return false and change nothing if they
 * were not built or the processor lacks AVX2, FMA or F16C. */
bool um_kernels_avx2(um_kernels *kernels);

/* Replace entries of a table that has the AVX2 versions by the AVX-512 ones; return false and
 * change nothing if they were not built or the processor lacks AVX-512 F, BW, DQ, VL or VNNI. */
bool um_kernels_avx512(um_kernels *kernels);

/* The best table for this machine.  `set` forces one by name ("reference", "portable", "avx2",
 * "avx512"); if it is NULL or "", the environment variable UNMASK_KERNELS decides, then the
 * processor. UM_ERR_UNSUPPORTED if the requested set is not available, UM_ERR_ARGUMENT if its name
 * is unknown.
 */
um_status um_kernels_select(const char *set, um_kernels *kernels, um_error *error);

#endif
