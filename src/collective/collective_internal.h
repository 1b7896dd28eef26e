/* What a transport provides; for the files of the collective only. */
#ifndef UM_COLLECTIVE_COLLECTIVE_INTERNAL_H
#define UM_COLLECTIVE_COLLECTIVE_INTERNAL_H

#include "collective/collective.h"

/* The functions of collective.h, for two or more ranks. */
typedef struct um_collective_operations {
    um_status (*sum_in_order)(um_collective *collective, size_t ranks, bool first, float *sum,
                              float *block, size_t count, um_error *error);
    um_status (*sum_fast)(um_collective *collective, float *block, size_t count, um_error *error);
    um_status (*broadcast)(um_collective *collective, void *data, size_t bytes, um_error *error);
    /* lengths [size] receives each rank's length, so that the caller of `gather` can make room. */
    um_status (*gather_lengths)(um_collective *collective, size_t length, size_t *lengths,
                                um_error *error);
    um_status (*gather)(um_collective *collective, const void *bytes, const size_t *starts,
                        unsigned char *gathered, um_error *error);
    um_collective_end (*finish)(um_collective *collective, bool failed, double patience);
    void (*abort)(um_collective *collective, int exit_status);
    void (*free)(um_collective *collective);
} um_collective_operations;

/* The first member of what a transport allocates. */
struct um_collective {
    const um_collective_operations *operations; /* NULL for a single process */
    size_t rank;
    size_t size;
    size_t node_size;
    um_error agreed; /* the last failure that all ranks returned */
};

#endif
