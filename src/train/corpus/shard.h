/* Tokenised training documents, read through mmap.
 *
 * A shard is one file, little-endian: the 8 bytes "UMSHARD1"; u32 version 2; u32 bytes per token (2
 * or 4); u64 documents D; u64 tokens T; then D index records of u64 first token, u32 length, u32
 * prompt length, u32 suffix length, u32 zero; then T tokens.  A document is a prompt, an answer,
 * and, for infilling, the suffix that follows the answer.
 *
 * A corpus too large for one shard is several shards and an index (shard_index.h); it opens like
 * one. */
#ifndef UM_TRAIN_CORPUS_SHARD_H
#define UM_TRAIN_CORPUS_SHARD_H

#include "base/atomic_file.h"
#include "base/status.h"

typedef struct um_shard um_shard;

typedef struct um_document {
    size_t length;        /* tokens, at least 1 */
    size_t prompt_length; /* tokens before the answer */
    size_t suffix_length; /* tokens after it; prompt + suffix is at most `length` */
} um_document;

/* Map the shard at `path`, or all shards that the index there names, and check the headers and
 * every index record.  Checking token ids against a vocabulary is left to the caller.
 * UM_ERR_UNSUPPORTED: a shard of another version. */
um_status um_shard_open(const char *path, um_shard **shard, um_error *error);

/* The same for one shard in memory: `size` bytes, not NULL, that must outlive the um_shard.
 * `where` names them in messages. */
um_status um_shard_open_bytes(const uint8_t *bytes, size_t size, const char *where,
                              um_shard **shard, um_error *error);
/* NULL is allowed. */
void um_shard_close(um_shard *shard);

/* From now on, read the tokens of each file as one text: the documents are pieces of `length`
 * tokens, without prompt or suffix, that ignore where the documents of the file end.  The last
 * piece of each file may be shorter. */
void um_shard_cut_into_pieces(um_shard *shard, size_t length);

size_t um_shard_document_count(const um_shard *shard);
size_t um_shard_token_count(const um_shard *shard);

um_document um_shard_document(const um_shard *shard, size_t index);

/* Copy `count` tokens of a document from `first` on; first + count is at most its length. */
void um_shard_tokens(const um_shard *shard, size_t index, size_t first, size_t count,
                     int32_t *tokens);

/* Writes one shard: add documents one by one, which stay in memory, then commit. */
typedef struct um_shard_writer um_shard_writer;

/* Tokens take 2 bytes for a vocabulary of up to 65536, otherwise 4. */
um_status um_shard_writer_create(size_t vocabulary_size, um_shard_writer **writer, um_error *error);
/* `tokens` [document.length].  UM_ERR_ARGUMENT: no tokens, prompt and suffix longer than the
 * document, an id outside the vocabulary.  After a failure the writer can only be freed. */
um_status um_shard_writer_add(um_shard_writer *writer, const int32_t *tokens, um_document document,
                              um_error *error);
/* Write the file whole, atomically. */
um_status um_shard_writer_commit(um_shard_writer *writer, const char *path, um_error *error);
/* Write the file whole, but do not let it appear yet: the caller commits or discards the sealed
 * *file. */
um_status um_shard_writer_seal(um_shard_writer *writer, const char *path, um_atomic_file **file,
                               um_error *error);
/* Forget the documents, to begin the next shard. */
void um_shard_writer_clear(um_shard_writer *writer);
size_t um_shard_writer_token_count(const um_shard_writer *writer);
void um_shard_writer_free(um_shard_writer *writer);

#endif
