/* Shared by the files of this module. */
#ifndef UM_API_INTERNAL_H
#define UM_API_INTERNAL_H

#include "decode/decode.h"
#include "decode/transformer_denoiser.h"
#include "tokenizer/chat.h"
#include "unmask.h"

struct um_model {
    char *name;
    um_model_config config;
    um_checkpoint *checkpoint;
    um_parameters parameters;
    void *quantised; /* memory of matrices that were quantised while the model was opened */
    um_tokenizer *tokenizer;
    um_kernels kernels;
    size_t parameter_count;
    size_t weight_bytes;
    int32_t eos_token;
    int32_t pad_token;
    um_token_list end_tokens; /* ascending */
};

struct um_threads {
    um_thread_pool *pool;
};

struct um_options {
    bool has_algorithm; /* false: the model's default */
    um_decode_options decode;
    um_token_list suppress; /* what decode.suppress points to */
    um_token_list suppress_confidence;
    bool has_early_stop;
    bool early_stop;
    bool end_tokens;
};

/* Settle the special tokens of a model whose config and tokenizer are loaded: the mask token in
 * config.mask_token, and the eos, pad and end tokens.  `mask` is the caller's override or NULL. */
um_status um_model_settle_tokens(um_model *model, const char *directory, const char *mask,
                                 um_error *error);

/* Append the ids of a conversation; on failure `list` is as before. */
um_status um_append_messages(const um_model *model, const um_message *messages,
                             size_t message_count, um_token_list *list, um_error *error);

/* The defaults, for callers that give no options. */
um_options um_options_default(void);

/* Fill in all answers and the counts from the canvas in its present state; the caller fills in the
 * facts of the run.  `end_tokens` cut the answers. */
um_status um_result_fill(um_result *result, const um_model *model, const um_canvas *canvas,
                         const um_token_list *end_tokens, um_error *error);

#endif
