/* The order in which a decoding run decided its positions: what AR-ness is measured on. */
#ifndef UM_ANALYSIS_COMMIT_ORDER_H
#define UM_ANALYSIS_COMMIT_ORDER_H

#include "base/status.h"
#include "decode/trace.h"

/* The definitions speak of one commit a step.  Commits of one step are put in an order by: */
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
    size_t busy_steps;  /* steps that decided something that stayed */
    size_t taken_back;  /* commits that were masked again, which are left out */
} um_commit_order;

/* Of a position that was committed, masked again and committed, the last commit counts; one that
 * ends masked has none.  Whatever order the events of a step come in, the result is the same. */
um_status um_commit_order_of(const um_trace *trace, um_commit_ties ties, um_commit_order *order,
                             um_error *error);
void um_commit_order_free(um_commit_order *order);

#endif
