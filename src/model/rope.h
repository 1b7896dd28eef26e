/* Rotary position embedding (Su et al., 2021) in the halves layout. */
#ifndef UM_MODEL_ROPE_H
#define UM_MODEL_ROPE_H

#include "kernels/compute.h"
#include "model/config.h"

/* frequencies [head_dim / 2]: base^(-2 i / head_dim), in f32 as in the reference code. */
void um_rope_frequencies(const um_model_config *config, float *frequencies);

/* cosine and sine [half] of the angles position * frequency, in f32. */
void um_rope_angles(size_t half, const float *frequencies, size_t position, float *cosine,
                    float *sine);

/* Rotate `heads` heads of each of `rows` rows of x [rows, heads * head_dim] in place; cosine and
 * sine are [rows, head_dim / 2]; negated sines rotate back. */
void um_rope_rotate(const um_compute *compute, size_t rows, size_t heads, size_t head_dim,
                    const float *cosine, const float *sine, float *x);

#endif
