/* Writes documents as one shard, or as several of bounded size and an index. */
#ifndef UM_TRAIN_CORPUS_CORPUS_WRITER_H
#define UM_TRAIN_CORPUS_CORPUS_WRITER_H

#include "train/corpus/shard.h"

/* Writes a corpus to `path`: one shard there or, if it has more than `shard_tokens` tokens, an
 * index there and shards beside it.  The shards of train.shard are train-00001.shard and so on, or
 * train-b00001.shard and so on if the former names are taken.  Holds one shard in memory.  The
 * corpus appears all at once, with its index; until then an older corpus at `path` stays whole, and
 * then its shards are removed. */
typedef struct um_corpus_writer um_corpus_writer;

/* `shard_tokens` of 0: no limit. */
um_status um_corpus_writer_create(size_t vocabulary_size, const char *path, size_t shard_tokens,
                                  um_corpus_writer **writer, um_error *error);
/* As um_shard_writer_add, but first ends the current shard if the document would not fit into
 * it. */
um_status um_corpus_writer_add(um_corpus_writer *writer, const int32_t *tokens,
                               um_document document, um_error *error);
/* Write the last shard, and the index if there are several. */
um_status um_corpus_writer_commit(um_corpus_writer *writer, um_error *error);
size_t um_corpus_writer_document_count(const um_corpus_writer *writer);
size_t um_corpus_writer_token_count(const um_corpus_writer *writer);
/* Shards beside the index; 0 for a single one. */
size_t um_corpus_writer_shard_count(const um_corpus_writer *writer);
/* Removes what was not committed.  NULL is allowed. */
void um_corpus_writer_free(um_corpus_writer *writer);

#endif
