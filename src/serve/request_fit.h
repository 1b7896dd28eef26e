/* From what a client asks to the canvas: how long the answer may be, and how much of the text
 * around it is shown. */
#ifndef UM_SERVE_REQUEST_FIT_H
#define UM_SERVE_REQUEST_FIT_H

#include "serve/ask.h"

/* Most lengths that are tried for one answer. */
#define UM_TRIALS_MAXIMUM 6

typedef struct um_fit_limits {
    size_t length;           /* most tokens of an answer */
    size_t infilling_length; /* most tokens of one between two texts */
    bool searches;           /* for those, several lengths up to that are tried */
    size_t context;          /* most tokens of the texts around that one */
} um_fit_limits;

/* A text, and its tokens. */
typedef struct um_fit_text {
    const char *text; /* [length] */
    size_t length;
    int32_t *tokens; /* [count], for um_free */
    size_t count;
} um_fit_text;

/* Zero-initialise; release with um_request_fit_free.  Must not be moved while it is used. */
typedef struct um_request_fit {
    const um_ask *ask;
    um_fit_limits limits;
    um_model_info info;
    um_fit_text before; /* what comes before the answer, or the tokens of the messages */
    um_fit_text after;
    /* By um_request_fit_lay: */
    um_request request; /* points into the rest and into the ask; without a sample number */
    um_part parts[3];
    size_t hole_length;
    bool is_cut; /* some of the text is not shown */
} um_request_fit;

/* The lengths of the answer to try, ascending; returns how many, at least 1.  A search tries 4, 8,
 * 16 and so on, and the longest that the request and the server allow. */
size_t um_request_fit_lengths(const um_ask *ask, const um_fit_limits *limits,
                              size_t lengths[UM_TRIALS_MAXIMUM]);

/* Tokenise the texts; `ask` and the model must stay. */
um_status um_request_fit_begin(const um_model *model, const um_ask *ask,
                               const um_fit_limits *limits, um_request_fit *fit, um_error *error);

/* Lay out the canvas with an answer of `length` tokens, or fewer if there is no more room.
 *
 * Where an answer goes between two texts, what is furthest from it is left out if there is no room
 * for it.  UM_ERR_LIMIT: a conversation or a text to continue leaves no room for an answer. */
um_status um_request_fit_lay(um_request_fit *fit, size_t length, um_error *error);
void um_request_fit_free(um_request_fit *fit);

#endif
