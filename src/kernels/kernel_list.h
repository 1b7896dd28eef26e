/* Every kernel, once: X(name, (parameters)).  kernels.h documents their contracts.  The table, the
 * comparison tests and the benchmark are generated from this list, so a kernel without a test does
 * not link. */
#ifndef UM_KERNELS_KERNEL_LIST_H
#define UM_KERNELS_KERNEL_LIST_H

#define UM_FLOAT_KERNEL_LIST(X)                                                                    \
    X(matmul, (size_t m, size_t n, size_t k, const float *x, size_t x_stride, const float *w,      \
               size_t w_stride, const float *bias, float *y, size_t y_stride))                     \
    X(weighted_sum, (size_t m, size_t n, size_t k, const float *p, size_t p_stride,                \
                     const float *v, size_t v_stride, float *y, size_t y_stride))                  \
    X(weighted_sum_add, (size_t m, size_t n, size_t k, const float *p, size_t p_stride,            \
                         const float *v, size_t v_stride, float *y, size_t y_stride))              \
    X(transposed_sum_add, (size_t m, size_t n, size_t k, const float *p, size_t p_stride,          \
                           const float *v, size_t v_stride, float *y, size_t y_stride))            \
    X(softmax, (size_t count, float scale, float *x))                                              \
    X(rms_norm, (size_t count, float epsilon, const float *x, const float *weight, float *y,       \
                 float *inverse_rms))                                                              \
    X(rotate_half, (size_t count, const float *cosine, const float *sine, float *x))               \
    X(swiglu, (size_t count, const float *gate, const float *up, float *y))                        \
    X(rms_norm_backward, (size_t count, const float *x, const float *weight, float inverse_rms,    \
                          const float *dy, float *dx, float *dweight))                             \
    X(swiglu_backward, (size_t count, const float *dy, float *gate, float *up))                    \
    X(softmax_backward, (size_t count, float scale, const float *p, float *dp))                    \
    X(cross_entropy, (size_t count, const float *logits, size_t target, float *log_probability,    \
                      float *probabilities))                                                       \
    X(adamw, (size_t count, const um_adamw_step *step, const float *gradient, float *parameter,    \
              float *first_moment, float *second_moment))                                          \
    X(logit_range, (size_t count, const float *x, float *maximum, float *magnitude))               \
    X(exponential, (size_t count, float shift, const float *x, float *y))                          \
    X(exponential_sums, (size_t count, float divisor, float shift, float above, const float *x,    \
                         float *weights, double *sum, double *weighted))                           \
    X(gather_range, (size_t count, float divisor, float low, float high, uint32_t first,           \
                     const float *x, um_token_entries *entries))                                   \
    X(split_range,                                                                                 \
      (size_t count, float low, float high, float shift, uint32_t first, const float *x,           \
       const float *weights, um_token_entries *entries, double *sum, double *weighted))

/* Products of numbers rounded to BF16: the parameters are those of the kernels without _bf16. */
#define UM_BF16_KERNEL_LIST(X)                                                                     \
    X(matmul_bf16, (size_t m, size_t n, size_t k, const float *x, size_t x_stride, const float *w, \
                    size_t w_stride, const float *bias, float *y, size_t y_stride))                \
    X(weighted_sum_bf16, (size_t m, size_t n, size_t k, const float *p, size_t p_stride,           \
                          const float *v, size_t v_stride, float *y, size_t y_stride))             \
    X(weighted_sum_add_bf16, (size_t m, size_t n, size_t k, const float *p, size_t p_stride,       \
                              const float *v, size_t v_stride, float *y, size_t y_stride))         \
    X(transposed_sum_add_bf16, (size_t m, size_t n, size_t k, const float *p, size_t p_stride,     \
                                const float *v, size_t v_stride, float *y, size_t y_stride))

/* Products of integers, tested together. */
#define UM_PACKED_KERNEL_LIST(X)                                                                   \
    X(pack_rows,                                                                                   \
      (um_pack_part part, const float *x, size_t x_stride, const um_packed_rows *packed))          \
    X(matmul_packed, (um_dtype dtype, size_t n, const um_packed_rows *rows, const void *w,         \
                      const float *bias, float *y, size_t y_stride))

/* Nothing but arithmetic, for peak.h to time: one kernel for each kind of product. */
#define UM_PEAK_KERNEL_LIST(X)                                                                     \
    X(peak_float, (size_t rounds, um_peak_work * work))                                            \
    X(peak_wide, (size_t rounds, um_peak_work * work))                                             \
    X(peak_narrow, (size_t rounds, um_peak_work * work))

#define UM_KERNEL_LIST(X)                                                                          \
    UM_FLOAT_KERNEL_LIST(X)                                                                        \
    UM_BF16_KERNEL_LIST(X)                                                                         \
    UM_PACKED_KERNEL_LIST(X)                                                                       \
    UM_PEAK_KERNEL_LIST(X)

#endif
