/* Tokenised training documents in one file, read through mmap.
 *
 * Format, little-endian: the 8 bytes "UMSHARD1"; u32 version 1; u32 bytes a token (2 or 4);
 * u64 documents D; u64 tokens T; then D index records of u64 first token, u32 length, u32 prompt
 * length; then T tokens.  A document is a prompt followed by its completion. */
#ifndef UM_TRAIN_SHARD_H
#define UM_TRAIN_SHARD_H

#include "base/status.h"

typedef struct um_shard um_shard;

typedef struct um_document {
    size_t length;        /* tokens, at least 1 */
    size_t prompt_length; /* at most `length` */
} um_document;

/* Map `path` and check its header and every index record.  Token ids are checked against a
 * vocabulary by those who use them. */
um_status um_shard_open(const char *path, um_shard **shard, um_error *error);

/* The same over `size` bytes, not NULL, which must stay; `where` names them in messages. */
um_status um_shard_open_bytes(const uint8_t *bytes, size_t size, const char *where,
                              um_shard **shard, um_error *error);
/* NULL is allowed. */
void um_shard_close(um_shard *shard);

size_t um_shard_document_count(const um_shard *shard);
size_t um_shard_token_count(const um_shard *shard);

um_document um_shard_document(const um_shard *shard, size_t index);

/* Copy the first `count` tokens of a document; count is at most its length. */
void um_shard_tokens(const um_shard *shard, size_t index, size_t count, int32_t *tokens);

/* Writing: documents one by one, then commit. */
typedef struct um_shard_writer um_shard_writer;

/* Tokens take 2 bytes for a vocabulary of up to 65536, otherwise 4. */
um_status um_shard_writer_create(size_t vocabulary_size, um_shard_writer **writer, um_error *error);
/* UM_ERR_ARGUMENT: no tokens, a prompt longer than the document, an id outside the vocabulary.
 * After a failure the writer can only be freed. */
um_status um_shard_writer_add(um_shard_writer *writer, const int32_t *tokens, size_t length,
                              size_t prompt_length, um_error *error);
/* Write the file whole, atomically. */
um_status um_shard_writer_commit(um_shard_writer *writer, const char *path, um_error *error);
size_t um_shard_writer_document_count(const um_shard_writer *writer);
size_t um_shard_writer_token_count(const um_shard_writer *writer);
void um_shard_writer_free(um_shard_writer *writer);

#endif
