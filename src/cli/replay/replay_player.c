#include "cli/replay/replay_player.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "cli/terminal/colour_ramp.h"
#include "page/html.h"
#include "page/page_style.h"

#define END_TEXT "\xC2\xB7"      /* a dot: a control token */
#define MASK_TEXT "\xE2\x96\x91" /* a light block: masked to the end */
#define PLAY_MILLISECONDS 8000.0
#define SLOWEST_STEP 400.0
#define FASTEST_STEP 20.0

/* The events of each position, in their order: those of position p are
 * list[starts[p] .. starts[p + 1]). */
typedef struct event_index {
    size_t *starts; /* [length + 1] */
    size_t *list;   /* [event_count] */
} event_index;

typedef struct player {
    const um_replay *replay;
    um_buffer *page;
    event_index events;
    um_buffer text;  /* of the current position */
    size_t position; /* SIZE_MAX for none */
    um_glyph_kind kind;
    bool is_cut;
} player;

static um_status index_events(const um_trace *trace, event_index *index, um_error *error) {
    const size_t length = trace->header.length;
    UM_TRY(um_allocate(&index->starts, length + 2, sizeof(size_t), "player", error));
    UM_TRY(um_allocate(&index->list, trace->event_count, sizeof(size_t), "player", error));
    for (size_t i = 0; i < trace->event_count; i++) {
        index->starts[trace->events[i].position + 2]++;
    }
    for (size_t p = 2; p <= length + 1; p++) {
        index->starts[p] += index->starts[p - 1];
    }
    for (size_t i = 0; i < trace->event_count; i++) {
        index->list[index->starts[trace->events[i].position + 1]++] = i;
    }
    return UM_OK;
}

/* ---- One token --------------------------------------------------------------- */

/* The token's own bytes, as text. */
static um_status append_token_text(const player *state, int32_t token, um_buffer *text,
                                   um_error *error) {
    const um_token_texts *texts = &state->replay->texts;
    const char *bytes = "";
    size_t length = 0;
    bool special = false;
    (void)texts->bytes(texts->user, token, &bytes, &length, &special);
    return special ? um_buffer_append_text(text, END_TEXT, error)
                   : um_buffer_append(text, bytes, length, error);
}

/* What a position held before its last token: ["a","b"]. */
static um_status put_earlier(player *state, const size_t *list, size_t count, um_error *error) {
    um_buffer json = {0};
    um_buffer text = {0};
    um_status status = um_buffer_append_text(&json, "[", error);
    for (size_t i = 0; i + 1 < count && status == UM_OK; i++) {
        const um_trace_event *event = &state->replay->trace->events[list[i]];
        if (event->kind == UM_TRACE_COMMIT) {
            um_buffer_clear(&text);
            status = append_token_text(state, event->token, &text, error);
            if (status == UM_OK) {
                status = um_buffer_append_text(&json, json.length > 1 ? "," : "", error);
            }
            if (status == UM_OK) {
                status = um_json_append_string(&json, um_buffer_text(&text), text.length, error);
            }
        }
    }
    if (status == UM_OK) {
        status = um_buffer_append_text(&json, "]", error);
    }
    if (status == UM_OK) {
        status = um_buffer_append_text(state->page, " data-t=\"", error);
    }
    if (status == UM_OK) {
        status = um_html_text(state->page, json.data, json.length, error);
    }
    um_buffer_free(&json);
    um_buffer_free(&text);
    return status == UM_OK ? um_buffer_append_text(state->page, "\"", error) : status;
}

static um_status put_steps(player *state, const size_t *list, size_t count, um_error *error) {
    UM_TRY(um_buffer_append_text(state->page, " data-s=\"", error));
    for (size_t i = 0; i < count; i++) {
        const um_trace_event *event = &state->replay->trace->events[list[i]];
        UM_TRY(um_buffer_append_format(state->page, error, "%s%s%zu", i > 0 ? " " : "",
                                       event->kind == UM_TRACE_COMMIT ? "" : "-", event->step + 1));
    }
    return um_buffer_append_text(state->page, "\"", error);
}

/* Begin the element of a position that has events. */
static um_status open_token(player *state, size_t position, um_error *error) {
    const um_trace *trace = state->replay->trace;
    const size_t *list = state->events.list + state->events.starts[position];
    const size_t count = state->events.starts[position + 1] - state->events.starts[position];
    const um_trace_event *last = &trace->events[list[count - 1]];
    const bool ends_line = memchr(um_buffer_text(&state->text), '\n', state->text.length);
    UM_TRY(um_buffer_append_format(state->page, error, "<span class=\"tok r%zu%s%s\"",
                                   um_colour_ramp_index(last->step, state->replay->steps),
                                   ends_line ? " line" : "",
                                   state->kind == UM_GLYPH_SPECIAL ? " end" : ""));
    UM_TRY(put_steps(state, list, count, error));
    if (count > 1) {
        UM_TRY(put_earlier(state, list, count, error));
    }
    if (last->kind == UM_TRACE_COMMIT) {
        UM_TRY(um_buffer_append_format(
            state->page, error, " title=\"step %zu, confidence %.2f, entropy %.2f\"",
            last->step + 1, (double)last->confidence, (double)last->entropy));
    }
    return um_buffer_append_text(state->page, ">", error);
}

/* Write the current position, if any. */
static um_status finish_position(player *state, um_error *error) {
    const size_t position = state->position;
    state->position = SIZE_MAX;
    if (position == SIZE_MAX) {
        return UM_OK;
    }
    const event_index *events = &state->events;
    const bool has_events = events->starts[position + 1] > events->starts[position];
    if (has_events) {
        UM_TRY(open_token(state, position, error));
    } else if (state->kind == UM_GLYPH_FIXED) {
        UM_TRY(um_buffer_append_text(state->page, "<span class=\"given\">", error));
    } else {
        UM_TRY(um_buffer_append_text(state->page, "<span>", error));
    }
    UM_TRY(um_html_text(state->page, um_buffer_text(&state->text), state->text.length, error));
    um_buffer_clear(&state->text);
    return um_buffer_append_text(state->page, "</span>", error);
}

static um_status take_glyph(void *user, const um_glyph *glyph, um_error *error) {
    player *state = user;
    if (glyph->position >= UM_REPLAY_PLAYER_POSITIONS) {
        state->is_cut = true;
        return UM_OK;
    }
    /* Given text needs no element for each of its tokens. */
    const bool goes_on = state->position != SIZE_MAX && state->kind == glyph->kind &&
                         (glyph->kind == UM_GLYPH_FIXED || state->position == glyph->position);
    if (!goes_on) {
        UM_TRY(finish_position(state, error));
        state->position = glyph->position;
        state->kind = glyph->kind;
    }
    if (glyph->kind == UM_GLYPH_MASKED) {
        return um_buffer_append_text(&state->text, MASK_TEXT, error);
    }
    if (glyph->kind == UM_GLYPH_SPECIAL) {
        return um_buffer_append_text(&state->text, END_TEXT, error);
    }
    return um_buffer_append(&state->text, glyph->bytes, glyph->length, error);
}

/* ---- The run ------------------------------------------------------------------ */

static um_status put_controls(const um_replay *replay, um_buffer *page, um_error *error) {
    return um_buffer_append_format(
        page, error,
        "<div class=\"controls\"><button type=\"button\" aria-label=\"to the "
        "start\">|‹</button>"
        "<button type=\"button\" aria-label=\"a step back\">‹</button>"
        "<button type=\"button\" aria-label=\"play\">\u25b6</button>"
        "<button type=\"button\" aria-label=\"a step on\">›</button>"
        "<button type=\"button\" aria-label=\"to the end\">›|</button>"
        "<input type=\"range\" min=\"0\" max=\"%zu\" value=\"%zu\" aria-label=\"step\">"
        "<output></output><label>speed <select aria-label=\"speed\">"
        "<option value=\"0.25\">\u00bc</option><option value=\"0.5\">\u00bd</option>"
        "<option value=\"1\" selected>1</option><option value=\"2\">2</option>"
        "<option value=\"4\">4</option><option value=\"16\">16</option></select></label></div>\n",
        replay->steps, replay->steps);
}

static um_status put_ramp(const um_replay *replay, um_buffer *page, um_error *error) {
    UM_TRY(um_buffer_append_text(page, "<div class=\"ramp\"><span>step 1</span>", error));
    for (size_t i = 0; i < UM_COLOUR_RAMP_SIZE; i++) {
        UM_TRY(um_buffer_append_format(page, error, "<i class=\"r%zu\"></i>", i));
    }
    return um_buffer_append_format(page, error, "<span>step %zu</span></div>\n", replay->steps);
}

static um_status put_canvas(player *state, um_error *error) {
    UM_TRY(um_buffer_append_text(state->page, "<pre>", error));
    UM_TRY(um_text_canvas_walk(&state->replay->canvas, false, take_glyph, state, error));
    UM_TRY(finish_position(state, error));
    UM_TRY(um_buffer_append_text(state->page, "</pre>\n", error));
    return state->is_cut ? um_buffer_append_format(
                               state->page, error,
                               "<p class=\"note\">The first %d of %zu positions are shown.</p>\n",
                               UM_REPLAY_PLAYER_POSITIONS, state->replay->canvas.length)
                         : UM_OK;
}

static um_status put_run(player *state, const char *title, um_error *error) {
    const um_replay *replay = state->replay;
    const double even = PLAY_MILLISECONDS / (double)(replay->steps > 0 ? replay->steps : 1);
    const double pace = even < FASTEST_STEP   ? FASTEST_STEP
                        : even > SLOWEST_STEP ? SLOWEST_STEP
                                              : even;
    UM_TRY(um_buffer_append_format(state->page, error,
                                   "<section class=\"run\" data-steps=\"%zu\" data-pace=\"%.0f\">",
                                   replay->steps, pace));
    UM_TRY(um_html_element(state->page, "h3", NULL, title, error));
    UM_TRY(put_controls(replay, state->page, error));
    UM_TRY(put_canvas(state, error));
    UM_TRY(put_ramp(replay, state->page, error));
    return um_buffer_append_text(state->page, "</section>\n", error);
}

um_status um_replay_player(const um_replay *replay, const char *title, um_buffer *page,
                           um_error *error) {
    player state = {.replay = replay, .page = page, .position = SIZE_MAX};
    um_status status = index_events(replay->trace, &state.events, error);
    if (status == UM_OK) {
        status = put_run(&state, title, error);
    }
    free(state.events.starts);
    free(state.events.list);
    um_buffer_free(&state.text);
    return status;
}

um_status um_replay_page(const um_replay *replay, um_buffer *page, um_error *error) {
    const um_trace_header *header = &replay->trace->header;
    char title[256];
    (void)snprintf(title, sizeof title, "%.100s, %.60s, seed %llu", header->model,
                   header->algorithm, (unsigned long long)header->seed);
    const um_html_page parts = {.title = title,
                                .style = um_page_style,
                                .scripts = {{um_replay_player_script, um_replay_player_sha256}}};
    UM_TRY(um_html_begin(page, &parts, error));
    UM_TRY(um_buffer_append_text(page, "<style>\n", error));
    UM_TRY(um_buffer_append_text(page, um_replay_player_style, error));
    UM_TRY(um_buffer_append_text(page, "</style>\n<main>\n", error));
    UM_TRY(um_replay_player(replay, title, page, error));
    UM_TRY(um_buffer_append_text(page, "</main>\n", error));
    return um_html_end(page, &parts, error);
}
