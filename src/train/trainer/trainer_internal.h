/* The parts of a run, for the trainer and its tests. */
#ifndef UM_TRAIN_TRAINER_TRAINER_INTERNAL_H
#define UM_TRAIN_TRAINER_TRAINER_INTERNAL_H

#include "train/learner/training_method.h"
#include "train/trainer/trainer.h"

struct um_trainer {
    um_recipe recipe;
    um_collective *collective; /* borrowed: the ranks that make this run; NULL: alone */
    um_output_directory output;
    um_learner learner;
    uint64_t model_digest;            /* of the configuration of the model that is trained */
    const um_training_method *method; /* of the recipe's objective */
    void *method_state;
    double last_save;           /* clock */
    uint64_t validation_is_due; /* 1: the validation after the latest step is still to be made */
};

/* Measure the model on the validation data, which must exist. */
um_status um_trainer_validate(um_trainer *trainer, um_validation_report *report, um_error *error);

#endif
