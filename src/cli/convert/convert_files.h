/* What `unmask convert` does, apart from options and output. */
#ifndef UM_CLI_CONVERT_CONVERT_FILES_H
#define UM_CLI_CONVERT_CONVERT_FILES_H

#include "model/gguf_save.h"
#include "unmask.h"

typedef struct um_convert_request {
    const char *input;  /* a directory or a GGUF file */
    const char *output; /* a GGUF file if the name ends in ".gguf", else a directory */
    bool has_mix;       /* false: as in the input */
    um_weight_mix mix;
    /* Attention, its block length, logit alignment and mask token as they are to be stored, where
     * they are not as in the input. */
    um_model_options conventions;
    size_t threads;       /* 0: one for each processor */
    um_watch watch;       /* used once the input is open */
    void (*opened)(void); /* called when the input is open; may be NULL */
} um_convert_request;

#define UM_CONVERT_NOTES_MAXIMUM 3

typedef struct um_convert_result {
    um_weight_mix mix;
    size_t tensors;
    size_t fallbacks; /* matrices that are not of the mix's type */
    size_t bytes;     /* of the weights in the output */
    size_t source_bytes;
    const char *notes[UM_CONVERT_NOTES_MAXIMUM]; /* static texts */
    size_t note_count;
} um_convert_result;

/* UM_ERR_ARGUMENT: the output cannot hold the type, or is a directory that exists already, or a
 * convention is wrong (um_model_overrides_read); UM_ERR_MISMATCH: the tokenizer names another mask
 * token than the one to be stored; UM_ERR_CANCELLED: the watch stopped it.  A failure leaves
 * nothing behind. */
um_status um_cli_convert(const um_convert_request *request, um_convert_result *result,
                         um_error *error);

#endif
