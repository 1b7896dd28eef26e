/* Write a model's weights as a GGUF file. */
#ifndef UM_MODEL_GGUF_SAVE_H
#define UM_MODEL_GGUF_SAVE_H

#include "base/thread_pool.h"
#include "base/watch.h"
#include "model/parameters.h"
#include "model/weight_mix.h"
#include "weights/gguf_writer.h"

typedef struct um_gguf_save_options {
    um_weight_mix mix;
    um_thread_pool *pool; /* may be NULL */
    um_watch watch;       /* told after every part; zero for none */
} um_gguf_save_options;

/* What was written. */
typedef struct um_gguf_save_summary {
    size_t tensors;
    size_t fallbacks; /* matrices whose rows do not fit the blocks of the mix's type */
    size_t bytes;     /* of the weights */
} um_gguf_save_summary;

/* Write the file at `path`, whole or not at all, with the metadata that `writer` has so far and
 * that of `config`.  Matrices get the types of the mix, vectors are F32, and rows of queries and
 * keys are put in the order that llama.cpp expects for the architecture.  UM_ERR_CANCELLED if the
 * watch cancels; UM_ERR_MISMATCH names a tensor and row with a value that the type cannot hold. */
um_status um_model_gguf_write(const um_model_config *config, const um_parameters *parameters,
                              const char *name, const um_gguf_save_options *options,
                              um_gguf_writer *writer, const char *path,
                              um_gguf_save_summary *summary, um_error *error);

#endif
