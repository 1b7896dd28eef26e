/* Documents as JSON Lines into a token shard. */
#ifndef UM_TRAIN_PACK_H
#define UM_TRAIN_PACK_H

#include "tokenizer/tokenizer.h"
#include "train/shard.h"

typedef struct um_packer um_packer;

/* A packer for documents of `tokenizer`, which is borrowed.  UM_ERR_MISMATCH when that has no
 * end-of-text token.  Release with um_packer_free. */
um_status um_packer_create(const um_tokenizer *tokenizer, um_packer **packer, um_error *error);
void um_packer_free(um_packer *packer);

/* Add the document of one line: an object with the strings "completion" and, where there is one,
 * "prompt"; other members are ignored, and so is a line of white space.  Prompt and completion
 * are tokenised each by itself, special tokens in them as ordinary text, and the end-of-text
 * token is put behind.  `where` and the line's `number` name it in messages. */
um_status um_packer_add_line(um_packer *packer, const char *line, size_t length, const char *where,
                             size_t number, um_error *error);

/* Write the shard, whole or not at all.  UM_ERR_ARGUMENT when there is no document. */
um_status um_packer_write(um_packer *packer, const char *path, um_error *error);

size_t um_packer_document_count(const um_packer *packer);
size_t um_packer_token_count(const um_packer *packer);

#endif
