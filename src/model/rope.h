/* Rotary position embedding (Su et al., 2021) in the halves layout. */
#ifndef UM_MODEL_ROPE_H
#define UM_MODEL_ROPE_H

#include "kernels/compute.h"
#include "model/config.h"

/* cosine and sine [head_dim / 2] of a position, with angles in f32 as the reference code has:
 * angle_i = position * base^(-2 i / head_dim). */
void um_rope_angles(const um_model_config *config, size_t position, float *cosine, float *sine);

/* Rotate `heads` heads of each of `rows` rows of x [rows, heads * head_dim] in place; cosine and
 * sine are [rows, head_dim / 2], negated sines rotate back. */
void um_rope_rotate(const um_compute *compute, size_t rows, size_t heads, size_t head_dim,
                    const float *cosine, const float *sine, float *x);

#endif
