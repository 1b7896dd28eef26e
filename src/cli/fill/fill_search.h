/* Fill the holes of a file, with as many tokens as are given, or as fit best. */
#ifndef UM_CLI_FILL_FILL_SEARCH_H
#define UM_CLI_FILL_FILL_SEARCH_H

#include "cli/fill/fill_plan.h"

/* The lengths that are tried for holes whose length is open. */
#define UM_FILL_LENGTHS                                                                            \
    { 4, 8, 16, 32, 64 }
#define UM_FILL_LENGTH_COUNT 5

/* Tokens around the holes that are shown by default.  The published models learnt from 2,048 to
 * 4,096, whatever their position embeddings have room for, and every row costs time. */
#define UM_FILL_CONTEXT 2048

typedef struct um_fill_request {
    const um_fill_plan *plan;
    const um_options *options;
    size_t length;  /* of holes whose length the file does not give; 0: search for it */
    size_t context; /* most tokens that the model sees, holes included; 0: as many as it has room
                       for, but at most UM_FILL_CONTEXT before the first and after the last hole */
    bool bos;       /* the BOS token is the first of these */
    bool (*is_cancelled)(void *user); /* NULL: never */
    /* Called after each trial; may be NULL. */
    void (*tried)(void *user, size_t length, double mean_log_confidence);
    void *user;
} um_fill_request;

typedef struct um_fill_trial {
    size_t length; /* of the holes whose length was open; 0: there were none */
    double mean_log_confidence;
} um_fill_trial;

/* Zero-initialise; release with um_fill_outcome_free. */
typedef struct um_fill_outcome {
    um_result result;            /* of the best trial */
    double *mean_log_confidence; /* [result.answer_count], in nats */
    um_fill_trial trials[UM_FILL_LENGTH_COUNT];
    size_t trial_count;
    size_t chosen;       /* trial */
    size_t shown_tokens; /* of the file, in that trial */
} um_fill_outcome;

/* Decode the file with the holes in it.  The model sees as much of the code on both sides as there
 * is room for, or as is asked for; what is furthest from the holes is left out.
 *
 * A search decodes once with each length of UM_FILL_LENGTHS that there is room for, the same for
 * all holes of open length.  It keeps the result whose answers have the highest mean logarithm of
 * the probability with which each token, and the end token after them, was committed; the shorter
 * one of equals.  If only white space follows the last hole, though, results whose last answer has
 * an end token come first.
 *
 * Errors are those of um_generate; UM_ERR_MISMATCH: a causal model, which cannot see what follows a
 * hole, or no BOS token to put first; UM_ERR_LIMIT: no room for the holes and what is between
 * them. */
um_status um_fill_search(um_session *session, const um_model *model, const um_fill_request *request,
                         um_fill_outcome *outcome, um_error *error);

void um_fill_outcome_free(um_fill_outcome *outcome);

#endif
