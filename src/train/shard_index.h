/* A corpus in several shards: the JSON file that names them, and its writer.
 *
 *   {"format": "unmask shard index", "version": 2, "documents": D, "tokens": T,
 *    "shards": ["NAME-00001.shard", ...]}
 *
 * D and T are the sums over the shards, which lie in the directory of the index. */
#ifndef UM_TRAIN_SHARD_INDEX_H
#define UM_TRAIN_SHARD_INDEX_H

#include "train/shard.h"

typedef struct um_shard_index {
    size_t documents;
    size_t tokens;
    char **names; /* [count], at least one; without a directory */
    size_t count;
} um_shard_index;

/* Whether a file that begins like this is an index, rather than a shard. */
bool um_shard_index_is(const uint8_t *bytes, size_t size);

/* Read an index; `where` names it in messages.  Release with um_shard_index_free, whatever the
 * outcome. */
um_status um_shard_index_parse(const char *text, size_t length, const char *where,
                               um_shard_index *index, um_error *error);
void um_shard_index_free(um_shard_index *index);

/* Writes a corpus to `path`: one shard there, or, where it has more than `shard_tokens` tokens,
 * shards beside it (train.shard: train-00001.shard, ...) and their index at `path`.  Holds one
 * shard in memory. */
typedef struct um_corpus_writer um_corpus_writer;

/* `shard_tokens` of 0: no limit. */
um_status um_corpus_writer_create(size_t vocabulary_size, const char *path, size_t shard_tokens,
                                  um_corpus_writer **writer, um_error *error);
/* As um_shard_writer_add; first writes the shard that the document would not fit into. */
um_status um_corpus_writer_add(um_corpus_writer *writer, const int32_t *tokens,
                               um_document document, um_error *error);
/* Write the last shard, and the index if there are several. */
um_status um_corpus_writer_commit(um_corpus_writer *writer, um_error *error);
size_t um_corpus_writer_document_count(const um_corpus_writer *writer);
size_t um_corpus_writer_token_count(const um_corpus_writer *writer);
/* Shards beside the index; 0 for a single one. */
size_t um_corpus_writer_shard_count(const um_corpus_writer *writer);
/* Removes the shards of a corpus that was not committed.  NULL is allowed. */
void um_corpus_writer_free(um_corpus_writer *writer);

#endif
