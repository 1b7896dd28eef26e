/* Packs documents in JSON Lines into token shards.
 *
 * A document is an object of one of three forms; other members are ignored.
 *
 *   completion  {"prompt": text, "completion": text}; the prompt may be missing
 *               tokens: prompt, completion, end of text
 *   infilling   {"prompt": before, "completion": text of the hole, "suffix": after}
 *               as a canvas: prompt, completion, end of text, suffix; the end of text closes
 *               the text of the hole, as it closes an answer on a longer canvas;
 *               for left-to-right models: <|fim_prefix|> prompt <|fim_suffix|> suffix
 *               <|fim_middle|> completion, end of text (Qwen2.5-Coder, arXiv 2409.12186, section
 *               3.2.1; the document's prompt is then everything before the completion)
 *   chat        {"messages": [{"role": ..., "content": ...}, ...]}; the last is the assistant's
 *               tokens: the conversation up to the opening of that answer (tokenizer/chat.h), its
 *               content, and the token that ends a turn
 *
 * Each text is tokenised by itself; special tokens in it are ordinary text. */
#ifndef UM_TRAIN_CORPUS_PACK_H
#define UM_TRAIN_CORPUS_PACK_H

#include "tokenizer/tokenizer.h"

typedef struct um_packer um_packer;

/* What becomes of an infilling document. */
typedef enum um_infilling {
    UM_INFILLING_CANVAS, /* a document with a suffix, for diffusion */
    UM_INFILLING_FIM,    /* prefix, suffix, middle in the order of a left-to-right model */
    UM_INFILLING_NONE    /* the document is left out */
} um_infilling;

typedef struct um_pack_options {
    const char *output; /* the shard or the index of shards to write */
    um_infilling infilling;
    size_t shard_tokens;   /* most tokens in a shard before another is begun (0: no limit) */
    size_t context_length; /* longer documents are counted (0: none is) */
} um_pack_options;

typedef struct um_pack_counts {
    size_t documents;
    size_t tokens;
    size_t infillings; /* of the documents */
    size_t chats;
    size_t left_out; /* infilling documents, for UM_INFILLING_NONE */
    size_t longest;  /* tokens of the longest document */
    size_t too_long; /* documents over options->context_length */
    size_t shards;   /* beside an index; 0 for a single one */
} um_pack_counts;

/* A packer that tokenises with `tokenizer`; borrows it and the strings of the options.
 * UM_ERR_MISMATCH: the tokenizer has no end-of-text token or, for UM_INFILLING_FIM, lacks one of
 * its three tokens.  Release with um_packer_free, which removes what was not committed. */
um_status um_packer_create(const um_tokenizer *tokenizer, const um_pack_options *options,
                           um_packer **packer, um_error *error);
void um_packer_free(um_packer *packer);

/* Add the document on one line; a line of only white space has none.  `path` and `number` name the
 * line in messages.  After a failure the packer can only be freed. */
um_status um_packer_add_line(um_packer *packer, const char *bytes, size_t length, const char *path,
                             size_t number, um_error *error);

/* Write what is left and the index, if there is one.  UM_ERR_ARGUMENT: there is no document. */
um_status um_packer_commit(um_packer *packer, um_error *error);

um_pack_counts um_packer_counts(const um_packer *packer);

#endif
