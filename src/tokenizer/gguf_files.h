/* The tokenizer of a GGUF file as the two files of a Hugging Face directory, so that there is one
 * way to load a tokenizer, and converting a model back has nothing more to do. */
#ifndef UM_TOKENIZER_GGUF_FILES_H
#define UM_TOKENIZER_GGUF_FILES_H

#include "base/buffer.h"
#include "weights/gguf.h"

/* The key of a whole tokenizer.json, which the format reserves, and ours for the other file. */
#define UM_GGUF_TOKENIZER_JSON "tokenizer.huggingface.json"
#define UM_GGUF_TOKENIZER_CONFIG "unmask.tokenizer_config.json"

/* Kinds of tokens in "tokenizer.ggml.token_type". */
typedef enum um_gguf_token_type {
    UM_GGUF_TOKEN_NORMAL = 1,
    UM_GGUF_TOKEN_CONTROL = 3,      /* a special token */
    UM_GGUF_TOKEN_USER_DEFINED = 4, /* one that is cut out of text, but is text itself */
    UM_GGUF_TOKEN_UNUSED = 5
} um_gguf_token_type;

/* Append the texts of tokenizer.json and tokenizer_config.json: those that the file carries under
 * the keys above, or else what tokenizer.ggml.* say: byte-level BPE ("gpt2") with tokens, merges,
 * token types, pre-tokenizer ("pre"), special ids and chat template.
 * UM_ERR_UNSUPPORTED names another kind of tokenizer or pre-tokenizer; UM_ERR_FORMAT what is
 * malformed or not UTF-8. */
um_status um_tokenizer_files_from_gguf(const um_gguf *file, um_buffer *tokenizer_json,
                                       um_buffer *configuration, um_error *error);

/* ---- Pre-tokenizers ------------------------------------------------------- */

/* Most expressions of one. */
#define UM_GGUF_PRE_STEPS 4

/* A pre-tokenizer by its name in "tokenizer.ggml.pre".  The expressions cut one after another;
 * with `digits` every digit is cut off first.  No expression: GPT-2's own, which the ByteLevel step
 * brings. */
typedef struct um_gguf_pre {
    const char *name;
    const char *expressions[UM_GGUF_PRE_STEPS];
    bool digits;
    bool normalize;     /* to form C */
    bool ignore_merges; /* a piece that is a token is taken whole */
} um_gguf_pre;

/* NULL where it is none that can be expressed. */
const um_gguf_pre *um_gguf_pre_find(um_gguf_string name);

/* They one by one, those that writers use first; NULL past the last. */
const um_gguf_pre *um_gguf_pre_at(size_t index);

/* The model settings of tokenizer.json for it: everything but vocabulary, merges and added tokens;
 * NULL without memory.  A new reference. */
struct json_t *um_gguf_pre_json(const um_gguf_pre *pre);

#endif
