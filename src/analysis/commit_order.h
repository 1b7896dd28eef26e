/* The order in which a decoding run decided its positions, on which AR-ness is measured. */
#ifndef UM_ANALYSIS_COMMIT_ORDER_H
#define UM_ANALYSIS_COMMIT_ORDER_H

#include "base/status.h"
#include "decode/trace.h"

/* The definitions assume one commit a step.  Several commits of one step are put in order by: */
#define UM_COMMIT_TIE_LIST(X)                                                                      \
    X(UM_TIES_BY_POSITION, "position")     /* left to right: the most autoregressive reading */    \
    X(UM_TIES_BY_CONFIDENCE, "confidence") /* surest first; equal ones left to right */

typedef enum um_commit_ties {
#define UM_COMMIT_TIE_ENUMERATOR(name, text) name,
    UM_COMMIT_TIE_LIST(UM_COMMIT_TIE_ENUMERATOR)
#undef UM_COMMIT_TIE_ENUMERATOR
        UM_COMMIT_TIES
} um_commit_ties;

const char *um_commit_ties_name(um_commit_ties ties);

/* One decided position. */
typedef struct um_commit {
    size_t place; /* the position, counted among the answer positions of all holes from 0 */
    size_t step;
    float confidence;
} um_commit;

/* Zero-initialise; um_commit_order_free. */
typedef struct um_commit_order {
    um_commit *commits; /* [count]: in order */
    size_t count;
    size_t place_count; /* answer positions that were masked before the first step */
    size_t steps;       /* steps gone through, at least those of the commits */
    size_t busy_steps;  /* steps with a commit that stayed */
    size_t taken_back;  /* commits that were masked again, which are left out */
} um_commit_order;

/* If a position was committed, masked again and committed again, its last commit counts; a position
 * that ends masked has none.  The result does not depend on the order of the events within a
 * step. */
um_status um_commit_order_of(const um_trace *trace, um_commit_ties ties, um_commit_order *order,
                             um_error *error);
void um_commit_order_free(um_commit_order *order);

#endif
