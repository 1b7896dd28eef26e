/* The rate at which this machine multiplies and adds when nothing else is in the way: the yardstick
 * for the products of a kernel set. */
#ifndef UM_KERNELS_PEAK_H
#define UM_KERNELS_PEAK_H

#include "kernels/compute.h"

/* How products multiply, by the type of the weights. */
typedef enum um_peak_kind {
    UM_PEAK_FLOAT,  /* F32: fused multiply-add of f32 */
    UM_PEAK_WIDE,   /* F16, BF16: sums of pairs of products of 16-bit integers */
    UM_PEAK_NARROW, /* quantised: sums of four products of 8-bit integers */
    UM_PEAK_KINDS   /* how many there are */
} um_peak_kind;

/* "float", "wide", "narrow". */
const char *um_peak_kind_name(um_peak_kind kind);

um_peak_kind um_peak_kind_of(um_dtype dtype);

/* Operations (multiplications and additions) per second of the instructions of compute's set, on
 * all threads of its pool at the same time: the best of several short runs over about `seconds`. */
double um_peak_measure(const um_compute *compute, um_peak_kind kind, double seconds);

#endif
