/* Shared by the files of tokenizer training. */
#ifndef UM_TOKENIZER_TRAIN_INTERNAL_H
#define UM_TOKENIZER_TRAIN_INTERNAL_H

#include "base/thread_pool.h"
#include "tokenizer/splitter.h"
#include "tokenizer/train_merges.h"
#include "tokenizer/train_pieces.h"
#include "tokenizer/trainer.h"

/* A part of the pending text that is split on its own. */
typedef struct um_text_slice {
    size_t offset;
    size_t length;
} um_text_slice;

/* The counts and scratch memory of one thread of the pool. */
typedef struct um_count_worker {
    um_split_scratch split;
    um_buffer normalized;
    um_piece_counts counts;
    um_status status;
    um_error error;
} um_count_worker;

struct um_tokenizer_trainer {
    size_t vocabulary_size;
    uint64_t minimum_count;
    bool replace_ill_formed;
    char **special_tokens; /* [special_count], the usual ones first */
    size_t special_count;
    um_splitter splitter;
    um_thread_pool *pool;
    um_count_worker *workers; /* [threads of the pool] */
    um_buffer pending;        /* texts that are not counted yet */
    um_text_slice *slices;    /* [slice_count]: of `pending` */
    size_t slice_count;
    size_t slice_capacity;
    um_buffer repaired; /* a text whose UTF-8 was broken */
    um_piece_counts counts;
    um_learned_merges learned;
    uint64_t texts;
    uint64_t bytes;
};

/* Queue well-formed text for counting, and count what is queued once there is enough of it. */
um_status um_trainer_queue_text(um_tokenizer_trainer *trainer, const char *text, size_t length,
                                const um_watch *watch, um_error *error);

/* Count what is still queued, and merge the counts of all workers. */
um_status um_trainer_finish_counts(um_tokenizer_trainer *trainer, um_error *error);

#endif
