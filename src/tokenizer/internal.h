/* Shared by the files of this module: the tokenizer itself and the steps of loading it. */
#ifndef UM_TOKENIZER_INTERNAL_H
#define UM_TOKENIZER_INTERNAL_H

#include <jansson.h>

#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/json_cursor.h"
#include "tokenizer/sentence_pieces.h"
#include "tokenizer/splitter.h"
#include "tokenizer/tokenizer.h"

struct um_tokenizer {
    um_bpe bpe;
    um_added_tokens added;
    um_splitter splitter;
    bool normalize; /* to form C, before the splitter */
    um_sentence_pieces pieces;
    bool *special; /* [vocabulary size] */
    int32_t eos;
    int32_t pad;
    int32_t bos;
    int32_t mask;
    bool has_chat_template;
    const char *default_system; /* static text, or NULL */
};

/* Replace *text by its form after normalisation, as a um_text_normalizer does; `continues`: it
 * follows other text, and stands neither at the beginning nor after an added token. */
um_status um_tokenizer_normalize(const um_tokenizer *tokenizer, bool continues, const char **text,
                                 size_t *length, um_buffer *scratch, um_error *error);

/* Append the bytes that a token of the model's vocabulary, spelt as in the file, stands for;
 * *mapped is as in um_bytes_of_text. */
um_status um_append_token_bytes(const um_tokenizer *tokenizer, const char *token, size_t length,
                                um_buffer *bytes, bool *mapped, um_error *error);

/* Fill the model, normaliser, pre-tokenizer and added tokens from the text of a
 * tokenizer.json. */
um_status um_load_tokenizer_json(um_tokenizer *tokenizer, const char *text, size_t length,
                                 const char *where, um_error *error);

/* Fill the plain tokens from the text of an object {"token": id}. */
um_status um_load_vocabulary(um_tokenizer *tokenizer, um_json_cursor vocabulary, um_error *error);

/* Fill the merges from the text of an array of "left right" or ["left", "right"]. */
um_status um_load_merges(um_tokenizer *tokenizer, um_json_cursor merges, um_error *error);

/* A merge as written in the files; not owned, not NUL-terminated. */
typedef struct um_written_merge {
    const char *left;
    size_t left_length;
    const char *right;
    size_t right_length;
} um_written_merge;

/* Split "left right"; false if the text does not have this form. */
bool um_written_merge_split(const char *text, size_t length, um_written_merge *merge);

/* Add a merge.  `scratch` is overwritten. */
um_status um_load_merge(um_tokenizer *tokenizer, const um_written_merge *merge, size_t rank,
                        um_buffer *scratch, um_error *error);

/* Add a token that is matched as a whole. */
um_status um_load_added_token(um_tokenizer *tokenizer, const char *content, size_t length,
                              int64_t id, const json_t *flags, const char *where, um_error *error);

/* Fill the model from vocab.json, merges.txt and added_tokens.json of a directory;
 * `configuration` is the parsed tokenizer_config.json or NULL. */
um_status um_load_vocabulary_files(um_tokenizer *tokenizer, const char *directory,
                                   const json_t *configuration, um_error *error);

/* Add the tokens of added_tokens_decoder; then read the names of special tokens. */
um_status um_load_added_tokens_decoder(um_tokenizer *tokenizer, const json_t *configuration,
                                       const char *where, um_error *error);
um_status um_load_special_names(um_tokenizer *tokenizer, const json_t *configuration,
                                const char *where, um_error *error);

/* Note what matters of "chat_template" in tokenizer_config.json; NULL if there is none. */
void um_load_chat_template(um_tokenizer *tokenizer, const json_t *chat_template);

#endif
