/* Documents as JSON Lines into token shards.
 *
 * A document is an object of one of three forms; other members are ignored.
 *
 *   completion  {"prompt": text, "completion": text}, the prompt may be missing
 *               tokens: prompt, completion, end of text
 *   infilling   {"prompt": before, "completion": text of the hole, "suffix": after}
 *               as a canvas: prompt, completion, end of text, suffix, where the end of text closes
 *               what stands in the hole, as it closes an answer on a longer canvas;
 *               for left-to-right models: <|fim_prefix|> prompt <|fim_suffix|> suffix
 *               <|fim_middle|> completion, end of text (Qwen2.5-Coder, arXiv 2409.12186, section
 *               3.2.1; the prompt of the document is all before the completion)
 *   chat        {"messages": [{"role": ..., "content": ...}, ...]}, the last one the assistant's
 *               tokens: the conversation up to the opening of that answer (tokenizer/chat.h), its
 *               content, and the token that ends a turn
 *
 * Each text is tokenised by itself, special tokens in it as ordinary text. */
#ifndef UM_TRAIN_CORPUS_PACK_H
#define UM_TRAIN_CORPUS_PACK_H

#include "tokenizer/tokenizer.h"

typedef struct um_packer um_packer;

/* What becomes of an infilling document. */
typedef enum um_infilling {
    UM_INFILLING_CANVAS, /* a document with a suffix, for diffusion */
    UM_INFILLING_FIM,    /* prefix, suffix, middle in the order of a left-to-right model */
    UM_INFILLING_NONE    /* it is left out */
} um_infilling;

typedef struct um_pack_options {
    const char *output; /* the shard or the index of shards to write */
    um_infilling infilling;
    size_t shard_tokens;   /* most tokens of a shard, before another is begun (0: no limit) */
    size_t context_length; /* to count the documents that are longer (0: none is) */
} um_pack_options;

typedef struct um_pack_counts {
    size_t documents;
    size_t tokens;
    size_t infillings; /* of the documents */
    size_t chats;
    size_t left_out; /* infilling documents, for UM_INFILLING_NONE */
    size_t longest;  /* tokens of a document */
    size_t too_long; /* documents over options->context_length */
    size_t shards;   /* beside an index; 0 for a single one */
} um_pack_counts;

/* A packer for documents of `tokenizer`, which is borrowed, as is what the options name.
 * UM_ERR_MISMATCH when it has no end-of-text token, or not the three of UM_INFILLING_FIM.  Release
 * with um_packer_free, which removes what was not committed. */
um_status um_packer_create(const um_tokenizer *tokenizer, const um_pack_options *options,
                           um_packer **packer, um_error *error);
void um_packer_free(um_packer *packer);

/* Add the document of one line; a line of white space is none.  `path` and the line's `number`
 * name it in messages.  After a failure the packer can only be freed. */
um_status um_packer_add_line(um_packer *packer, const char *bytes, size_t length, const char *path,
                             size_t number, um_error *error);

/* Write what is left and the index, if there is one.  UM_ERR_ARGUMENT when there is no document. */
um_status um_packer_commit(um_packer *packer, um_error *error);

um_pack_counts um_packer_counts(const um_packer *packer);

#endif
