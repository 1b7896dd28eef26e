/* The tokenizer of a GGUF file as the two files of a Hugging Face directory, so that there is only
 * one way to load a tokenizer, and converting a model back needs nothing more. */
#ifndef UM_TOKENIZER_GGUF_FILES_H
#define UM_TOKENIZER_GGUF_FILES_H

#include "base/buffer.h"
#include "weights/gguf.h"

/* The key that the format reserves for a whole tokenizer.json, and our own key for the other
 * file. */
#define UM_GGUF_TOKENIZER_JSON "tokenizer.huggingface.json"
#define UM_GGUF_TOKENIZER_CONFIG "unmask.tokenizer_config.json"

/* Kinds of tokens in "tokenizer.ggml.token_type". */
typedef enum um_gguf_token_type {
    UM_GGUF_TOKEN_NORMAL = 1,
    UM_GGUF_TOKEN_CONTROL = 3,      /* a special token */
    UM_GGUF_TOKEN_USER_DEFINED = 4, /* cut out of text, but ordinary text itself */
    UM_GGUF_TOKEN_UNUSED = 5
} um_gguf_token_type;

/* Append the texts of tokenizer.json and tokenizer_config.json: those that the file contains under
 * the keys above, if both are present, or else what tokenizer.ggml.* describe: byte-level BPE
 * ("gpt2") with tokens, merges, token types, pre-tokenizer ("pre"), special ids and chat template.
 * UM_ERR_UNSUPPORTED names another kind of tokenizer or pre-tokenizer; UM_ERR_FORMAT names what is
 * malformed or not UTF-8. */
um_status um_tokenizer_files_from_gguf(const um_gguf *file, um_buffer *tokenizer_json,
                                       um_buffer *configuration, um_error *error);

/* ---- Pre-tokenizers ------------------------------------------------------- */

/* Maximum number of expressions of a pre-tokenizer. */
#define UM_GGUF_PRE_STEPS 4

/* A pre-tokenizer by its name in "tokenizer.ggml.pre".  The expressions split text one after
 * another; with `digits`, every digit is split off first.  Without an expression, the ByteLevel
 * step applies GPT-2's own. */
typedef struct um_gguf_pre {
    const char *name;
    const char *expressions[UM_GGUF_PRE_STEPS];
    bool digits;
    bool normalize;     /* to form C */
    bool ignore_merges; /* a piece that is a token itself becomes that token */
} um_gguf_pre;

/* The pre-tokenizer called `name`; NULL if it is not known. */
const um_gguf_pre *um_gguf_pre_find(um_gguf_string name);

/* Pre-tokenizer `index`, from 0; the names preferred in export come first.  NULL past the last. */
const um_gguf_pre *um_gguf_pre_at(size_t index);

/* The contents of tokenizer.json for `pre`, except vocabulary, merges and added tokens: a new
 * reference, or NULL when out of memory. */
struct json_t *um_gguf_pre_json(const um_gguf_pre *pre);

#endif
