#include "cli/generate/generate_live.h"

#include <stdlib.h>

#include "base/memory.h"

static bool token_text(void *user, int32_t token, const char **bytes, size_t *length,
                       bool *special) {
    const um_generate_view *view = user;
    *special = um_token_is_special(view->model, token);
    return um_token_bytes(view->model, token, bytes, length);
}

static um_status create_view(um_generate_view *view, const um_start_event *start, um_error *error) {
    um_canvas_hole *holes = NULL;
    UM_TRY(um_allocate(&holes, start->hole_count, sizeof *holes, "list of holes", error));
    for (size_t i = 0; i < start->hole_count; i++) {
        holes[i] = (um_canvas_hole){start->hole_starts[i], start->hole_lengths[i]};
    }
    view->model = start->model;
    const um_live_view_setup setup = {.terminal = view->terminal,
                                      .tokens = start->tokens,
                                      .length = start->length,
                                      .holes = holes,
                                      .hole_count = start->hole_count,
                                      .steps = start->steps,
                                      .texts = {view, token_text}};
    const um_status status = um_live_view_create(&setup, &view->view, error);
    free(holes);
    return status;
}

/* Callbacks cannot fail, so the first failure is kept and the view stays silent. */
static void keep(um_generate_view *view, um_status status) {
    if (view->status == UM_OK) {
        view->status = status;
    }
}

void um_generate_view_start(um_generate_view *view, const um_start_event *start) {
    keep(view, create_view(view, start, &view->error));
    um_generate_view_step(view);
}

void um_generate_view_event(um_generate_view *view, const um_event *event) {
    if (view->status != UM_OK) {
        return;
    }
    const um_trace_event told = {.kind = event->kind == UM_EVENT_COMMIT ? UM_TRACE_COMMIT
                                                                        : UM_TRACE_REMASK,
                                 .step = event->step,
                                 .position = event->position,
                                 .token = event->token,
                                 .confidence = event->confidence,
                                 .entropy = event->entropy};
    keep(view, um_live_view_event(view->view, &told, &view->error));
}

void um_generate_view_step(um_generate_view *view) {
    if (view->status == UM_OK && view->view) {
        keep(view, um_live_view_refresh(view->view, false, &view->error));
    }
}

um_status um_generate_view_finish(um_generate_view *view, const um_result *result,
                                  um_error *error) {
    if (view->status == UM_OK && view->view) {
        um_trace_end end = {0};
        if (result) { /* the numbers that the view shows */
            end.steps = result->steps;
            end.forwards = result->forwards;
            end.seconds = result->seconds;
        }
        keep(view, um_live_view_finish(view->view, result ? &end : NULL, &view->error));
    }
    um_live_view_free(view->view);
    view->view = NULL;
    if (view->status != UM_OK && error) {
        *error = view->error;
    }
    return view->status;
}
