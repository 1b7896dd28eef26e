#include "analysis/commit_order.h"

#include <stdlib.h>

#include "base/memory.h"

#define NO_PLACE SIZE_MAX

const char *um_commit_ties_name(um_commit_ties ties) {
    static const char *const names[] = {
#define UM_COMMIT_TIE_NAME(name, text) text,
        UM_COMMIT_TIE_LIST(UM_COMMIT_TIE_NAME)
#undef UM_COMMIT_TIE_NAME
    };
    return names[ties];
}

/* places[length]: the number of each masked answer position, NO_PLACE elsewhere; returns how many
 * there are. */
static size_t number_places(const um_trace_header *header, size_t *places) {
    size_t count = 0;
    for (size_t p = 0; p < header->length; p++) {
        places[p] = NO_PLACE;
    }
    for (size_t h = 0; h < header->hole_count; h++) {
        const um_canvas_hole *hole = &header->holes[h];
        for (size_t p = hole->start; p < hole->start + hole->length; p++) {
            places[p] = header->tokens[p] == header->mask_token ? count++ : NO_PLACE;
        }
    }
    return count;
}

/* last[place_count]: 1 + the index of the event that decided the place for good, or 0. */
static void find_last(const um_trace *trace, const size_t *places, size_t *last,
                      um_commit_order *order) {
    for (size_t i = 0; i < trace->event_count; i++) {
        const um_trace_event *event = &trace->events[i];
        const size_t place = places[event->position];
        if (place == NO_PLACE) {
            continue;
        }
        order->taken_back += last[place] > 0 ? 1 : 0;
        last[place] = event->kind == UM_TRACE_COMMIT ? i + 1 : 0;
    }
}

static int compare_places(const um_commit *a, const um_commit *b) {
    return (a->place > b->place) - (a->place < b->place);
}

static int compare_steps(const um_commit *a, const um_commit *b) {
    return (a->step > b->step) - (a->step < b->step);
}

static int by_position(const void *a, const void *b) {
    const int steps = compare_steps(a, b);
    return steps != 0 ? steps : compare_places(a, b);
}

static int by_confidence(const void *a, const void *b) {
    const um_commit *first = a;
    const um_commit *second = b;
    const int steps = compare_steps(first, second);
    const int sureness =
        (first->confidence < second->confidence) - (first->confidence > second->confidence);
    return steps != 0 ? steps : sureness != 0 ? sureness : compare_places(first, second);
}

static void fill_commits(const um_trace *trace, const size_t *last, um_commit_ties ties,
                         um_commit_order *order) {
    for (size_t place = 0; place < order->place_count; place++) {
        if (last[place] > 0) {
            const um_trace_event *event = &trace->events[last[place] - 1];
            order->commits[order->count++] = (um_commit){place, event->step, event->confidence};
        }
    }
    qsort(order->commits, order->count, sizeof *order->commits,
          ties == UM_TIES_BY_POSITION ? by_position : by_confidence);
    for (size_t i = 0; i < order->count; i++) {
        order->busy_steps += i == 0 || order->commits[i].step != order->commits[i - 1].step ? 1 : 0;
    }
    const size_t seen = trace->event_count > 0 ? trace->events[trace->event_count - 1].step + 1 : 0;
    order->steps = trace->has_end && trace->end.steps > seen ? trace->end.steps : seen;
}

um_status um_commit_order_of(const um_trace *trace, um_commit_ties ties, um_commit_order *order,
                             um_error *error) {
    size_t *places = NULL;
    size_t *last = NULL;
    *order = (um_commit_order){0};
    um_status status =
        um_allocate(&places, trace->header.length, sizeof *places, "order of commits", error);
    if (status == UM_OK) {
        order->place_count = number_places(&trace->header, places);
        status = um_allocate(&last, order->place_count, sizeof *last, "order of commits", error);
    }
    if (status == UM_OK) {
        status = um_allocate(&order->commits, order->place_count, sizeof *order->commits,
                             "order of commits", error);
    }
    if (status == UM_OK) {
        find_last(trace, places, last, order);
        fill_commits(trace, last, ties, order);
    }
    free(places);
    free(last);
    return status;
}

void um_commit_order_free(um_commit_order *order) {
    free(order->commits);
    *order = (um_commit_order){0};
}
