/* The numbers of the file format, for its reader and its writer. */
#ifndef UM_TRAIN_CORPUS_SHARD_FORMAT_H
#define UM_TRAIN_CORPUS_SHARD_FORMAT_H

#define UM_SHARD_MAGIC "UMSHARD1"
#define UM_SHARD_MAGIC_LENGTH 8
#define UM_SHARD_VERSION 2
#define UM_SHARD_HEADER_SIZE 32
#define UM_SHARD_RECORD_SIZE 24

#endif
