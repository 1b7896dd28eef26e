/* From what a client asks to the canvas: how long the answer may be, and how much of the text
 * around it is shown. */
#ifndef UM_SERVE_REQUEST_FIT_H
#define UM_SERVE_REQUEST_FIT_H

#include "serve/ask.h"

typedef struct um_fit_limits {
    size_t length;           /* most tokens of an answer */
    size_t infilling_length; /* most tokens of one with text behind it */
    size_t context;          /* most tokens of the texts around that one */
} um_fit_limits;

/* Zero-initialise; release with um_request_fit_free.  Must not be moved once it is made. */
typedef struct um_request_fit {
    um_request request; /* points into the rest and into the ask; without a sample number */
    um_part parts[3];
    int32_t *prefix; /* for um_free */
    int32_t *suffix; /* for um_free */
    bool is_cut;     /* some of the text is not shown */
} um_request_fit;

/* Where an answer goes between two texts, what is furthest from it is left out if there is no room
 * for it.  UM_ERR_LIMIT: a conversation or a text to continue leaves no room for an answer. */
um_status um_request_fit_make(const um_model *model, const um_ask *ask, const um_fit_limits *limits,
                              um_request_fit *fit, um_error *error);
void um_request_fit_free(um_request_fit *fit);

#endif
