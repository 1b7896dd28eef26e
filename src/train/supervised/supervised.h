/* Training on the documents of shards, with the causal or the diffusion objective.  Private to this
 * folder and its tests. */
#ifndef UM_TRAIN_SUPERVISED_SUPERVISED_H
#define UM_TRAIN_SUPERVISED_SUPERVISED_H

#include "tokenizer/tokenizer.h"
#include "train/completions/validation_problems.h"
#include "train/learner/training_method.h"
#include "train/supervised/document_batch.h"

/* What the pass over one micro-batch measured. */
typedef struct um_part_record {
    double weighted; /* sums of the losses: objective, and cross-entropies in nats */
    double plain;
    double divisor; /* of the objective */
    double flops;   /* of a forward pass */
    uint64_t targets;
    uint64_t correct;
    uint64_t rows;
} um_part_record;

typedef struct um_supervised {
    const um_recipe *recipe; /* borrowed, as are learner and output */
    um_learner *learner;
    um_shard *train_shard;
    um_shard *validation_shard; /* NULL for none */
    um_tokenizer *tokenizer;    /* for samples and problems; NULL if not needed, or for samples if
                                   there is none */
    um_validation_problems problems;
    um_judge *judge; /* NULL without problems, or if the caller grades */
    um_grader grader;
    um_data_order order;
    um_data_cursor cursor;
    um_training_batch batch;
    um_part_record *parts; /* of a step or validation; complete once the ranks have shared them */
    size_t part_capacity;
    uint64_t data_state[4]; /* as saved: documents, tokens, epoch, index */
} um_supervised;

#endif
