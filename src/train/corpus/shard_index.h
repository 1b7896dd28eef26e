/* A corpus in several shards: the JSON file that names them.
 *
 *   {"format": "unmask shard index", "version": 2, "documents": D, "tokens": T,
 *    "shards": ["NAME-00001.shard", ...]}
 *
 * D and T are the sums over the shards, which are in the directory of the index. */
#ifndef UM_TRAIN_CORPUS_SHARD_INDEX_H
#define UM_TRAIN_CORPUS_SHARD_INDEX_H

#include "train/corpus/shard.h"

typedef struct um_shard_index {
    size_t documents;
    size_t tokens;
    char **names; /* [count], at least one; file names without a directory */
    size_t count;
} um_shard_index;

/* Whether a file that begins like this is an index, rather than a shard. */
bool um_shard_index_is(const uint8_t *bytes, size_t size);

/* Read an index; `where` names it in messages.  Release with um_shard_index_free, whatever the
 * outcome. */
um_status um_shard_index_parse(const char *text, size_t length, const char *where,
                               um_shard_index *index, um_error *error);
void um_shard_index_free(um_shard_index *index);

/* Write the path of shard `number`, from 0, of the index at `path` into target[size]. UM_ERR_LIMIT:
 * it does not fit. */
um_status um_shard_index_path(const um_shard_index *index, size_t number, const char *path,
                              char *target, size_t size, um_error *error);

#endif
