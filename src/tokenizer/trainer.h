/* Training a tokenizer: byte-level BPE as used by the Qwen family, Dream and DiffuCoder, learned
 * from text.
 *
 * The tokenizer has normalisation form C and Qwen2's pre-tokenizer.  Its ids are the 256 bytes,
 * then the tokens made by merges, then the special tokens: <|endoftext|>, <|im_start|>, <|im_end|>,
 * <|fim_prefix|>, <|fim_middle|>, <|fim_suffix|>, <|mask|>, <|dlm_pad|>, and those that the caller
 * adds.
 *
 * Vocabulary and merges are those that BpeTrainer of the Hugging Face tokenizers library (0.23)
 * learns from the same texts with the same settings, for any number of threads.
 *
 *     um_tokenizer_trainer_create, then um_tokenizer_trainer_add... for every text,
 *     um_tokenizer_trainer_learn, um_tokenizer_trainer_write, um_tokenizer_trainer_free. */
#ifndef UM_TOKENIZER_TRAINER_H
#define UM_TOKENIZER_TRAINER_H

#include "base/watch.h"

typedef struct um_tokenizer_training {
    size_t vocabulary_size;            /* in all: bytes, merges and special tokens */
    uint64_t minimum_count;            /* rarer pairs do not become tokens; 0: as 1 */
    const char *const *special_tokens; /* [special_count], added after the usual ones */
    size_t special_count;
    bool replace_ill_formed; /* by U+FFFD, as encoding does; else ill-formed UTF-8 is an error */
    size_t threads;          /* 0: one per usable processor */
} um_tokenizer_training;

typedef struct um_tokenizer_trainer um_tokenizer_trainer;

/* `training` and the strings in it are copied.  UM_ERR_ARGUMENT: a vocabulary too small for bytes
 * and special tokens, or larger than 2^21; a special token that is empty, not UTF-8, given twice,
 * or spelt like a token that could be learned from text.  Release with
 * um_tokenizer_trainer_free. */
um_status um_tokenizer_trainer_create(const um_tokenizer_training *training,
                                      um_tokenizer_trainer **trainer, um_error *error);

/* Learn from `length` bytes of text; `where` names them in messages.  The watch (may be NULL) is
 * told the number of bytes.  UM_ERR_FORMAT names the byte at which the text is not UTF-8. */
um_status um_tokenizer_trainer_add_text(um_tokenizer_trainer *trainer, const char *text,
                                        size_t length, const char *where, const um_watch *watch,
                                        um_error *error);

/* Learn from a document, one line of JSON: the strings "prompt", "completion" and "suffix", and
 * the "content" of each object in the array "messages", each a text of its own.  Other members and
 * lines of white space are ignored.  `path` and the line's `number` name it in messages. */
um_status um_tokenizer_trainer_add_line(um_tokenizer_trainer *trainer, const char *bytes,
                                        size_t length, const char *path, size_t number,
                                        um_error *error);

/* Find the merges, once, when all texts have been added.  The watch (may be NULL) is told the
 * number of tokens.  UM_ERR_ARGUMENT if there was no text. */
um_status um_tokenizer_trainer_learn(um_tokenizer_trainer *trainer, const um_watch *watch,
                                     um_error *error);

/* Write tokenizer.json and tokenizer_config.json (with a chat template, see chat.h) to `directory`,
 * which is created if it is missing.  Each file appears whole or not at all, tokenizer.json last;
 * files of these names are replaced. */
um_status um_tokenizer_trainer_write(const um_tokenizer_trainer *trainer, const char *directory,
                                     um_error *error);

typedef struct um_tokenizer_training_counts {
    uint64_t texts;
    uint64_t bytes;         /* of text */
    size_t pieces;          /* distinct ones */
    size_t vocabulary_size; /* after learning, with special tokens: less than was asked for
                               if the texts have no more pairs */
} um_tokenizer_training_counts;

um_tokenizer_training_counts um_tokenizer_trainer_counts(const um_tokenizer_trainer *trainer);

/* NULL is allowed. */
void um_tokenizer_trainer_free(um_tokenizer_trainer *trainer);

#endif
