/* Traces with a given order of commits, for tests of decoding orders. */
#ifndef UM_TESTS_ORDER_TESTING_H
#define UM_TESTS_ORDER_TESTING_H

#include <stdlib.h>

#include "decode/trace.h"

#define ORDER_MASK 9
#define ORDER_MOST 64

/* A trace whose only hole is the whole canvas; it points to itself and must not be moved. */
typedef struct order_trace {
    um_trace trace;
    int32_t tokens[ORDER_MOST];
    um_canvas_hole hole;
    um_trace_event events[ORDER_MOST];
} order_trace;

/* Make a trace that commits `count` of `length` positions, one per step, in this order. */
static inline void make_order_trace(order_trace *made, const size_t *places, size_t count,
                                    size_t length) {
    *made = (order_trace){.hole = {0, length}};
    for (size_t i = 0; i < length; i++) {
        made->tokens[i] = ORDER_MASK;
    }
    for (size_t i = 0; i < count; i++) {
        made->events[i] = (um_trace_event){.kind = UM_TRACE_COMMIT,
                                           .step = i,
                                           .position = places[i],
                                           .token = (int32_t)(places[i] % 9),
                                           .confidence = 0.5f};
    }
    made->trace.header = (um_trace_header){.model = "",
                                           .algorithm = "test",
                                           .settings = "{}",
                                           .steps = length,
                                           .vocabulary_size = 10,
                                           .mask_token = ORDER_MASK,
                                           .length = length,
                                           .tokens = made->tokens,
                                           .holes = &made->hole,
                                           .hole_count = 1};
    made->trace.events = made->events;
    made->trace.event_count = count;
}

#endif
