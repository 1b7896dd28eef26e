#include "cli/fill/fill_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/request/prompt_request.h"

/* A probability of 0, as for suppressed confidences, must not make a sum infinite. */
#define SMALLEST_CONFIDENCE 1e-9

typedef struct token_span {
    int32_t *tokens; /* um_free */
    size_t count;
    size_t first; /* tokens [first, last) are shown to the model */
    size_t last;
} token_span;

typedef struct fill_search {
    um_session *session;
    const um_model *model;
    const um_fill_request *request;
    um_fill_outcome *outcome;
    token_span *spans; /* [hole_count + 1]: the fixed text around the holes */
    um_part *parts;    /* [2 * hole_count + 2] */
    size_t part_count;
    size_t limit; /* positions, without that of the BOS token */
    int32_t bos;
    /* Of the current trial: */
    float *log_confidence; /* [canvas length] */
    bool chosen_is_finished;
    um_status status; /* of the callbacks */
    um_error error;
} fill_search;

/* ---- What the model sees ------------------------------------------------- */

static um_status tokenise_spans(fill_search *search, um_error *error) {
    const um_fill_plan *plan = search->request->plan;
    size_t at = 0;
    for (size_t i = 0; i <= plan->hole_count; i++) {
        token_span *span = &search->spans[i];
        const size_t end = i < plan->hole_count ? plan->holes[i].start : plan->text.length;
        UM_TRY(um_tokenize(search->model, plan->text.data + at, end - at, false, &span->tokens,
                           &span->count, error));
        at = i < plan->hole_count ? plan->holes[i].end : end;
    }
    return UM_OK;
}

static size_t hole_length(const fill_search *search, size_t hole, size_t open_length) {
    const size_t own = search->request->plan->holes[hole].length;
    return own > 0 ? own : open_length;
}

/* Choose how much of the text before the first and after the last hole is shown. */
static um_status choose_spans(fill_search *search, size_t open_length, um_error *error) {
    const size_t holes = search->request->plan->hole_count;
    size_t needed = 0;
    for (size_t i = 0; i < holes; i++) {
        needed += hole_length(search, i, open_length);
    }
    for (size_t i = 0; i <= holes; i++) {
        search->spans[i].first = 0;
        search->spans[i].last = search->spans[i].count;
        needed += i > 0 && i < holes ? search->spans[i].count : 0;
    }
    if (needed > search->limit) {
        return UM_RAISE(error, UM_ERR_LIMIT,
                        "%s: the holes and the code between them are %zu tokens, but there is room "
                        "for %zu: fill fewer or shorter holes at a time",
                        search->request->plan->name, needed, search->limit);
    }
    token_span *before = &search->spans[0];
    token_span *after = &search->spans[holes];
    const size_t most = search->request->context > 0 ? SIZE_MAX : UM_FILL_CONTEXT;
    const size_t room = um_size_smaller(search->limit - needed, most);
    const size_t left = room > after->count ? room - after->count : 0;
    const size_t share = left > room / 2 ? left : room / 2;
    if (before->count > share) {
        before->first = before->count - share;
    }
    const size_t rest = room - (before->last - before->first);
    after->last = after->count < rest ? after->count : rest;
    return UM_OK;
}

static void lay_parts(fill_search *search, size_t open_length) {
    const size_t holes = search->request->plan->hole_count;
    search->part_count = 0;
    if (search->request->bos) {
        search->parts[search->part_count++] =
            (um_part){.kind = UM_PART_TOKENS, .tokens = &search->bos, .length = 1};
    }
    for (size_t i = 0; i <= holes; i++) {
        const token_span *span = &search->spans[i];
        if (span->last > span->first) {
            search->parts[search->part_count++] = (um_part){.kind = UM_PART_TOKENS,
                                                            .tokens = span->tokens + span->first,
                                                            .length = span->last - span->first};
        }
        if (i < holes) {
            search->parts[search->part_count++] =
                (um_part){.kind = UM_PART_HOLE, .length = hole_length(search, i, open_length)};
        }
    }
}

/* ---- One trial ----------------------------------------------------------- */

static void on_start(void *user, const um_start_event *start) {
    fill_search *search = user;
    search->status = um_allocate(&search->log_confidence, start->length,
                                 sizeof *search->log_confidence, "confidences", &search->error);
}

static void on_event(void *user, const um_event *event) {
    fill_search *search = user;
    if (search->log_confidence && event->kind == UM_EVENT_COMMIT) {
        search->log_confidence[event->position] =
            logf(fmaxf(event->confidence, (float)SMALLEST_CONFIDENCE));
    }
}

static bool is_cancelled(void *user) {
    const fill_search *search = user;
    const um_fill_request *request = search->request;
    return search->status != UM_OK ||
           (request->is_cancelled && request->is_cancelled(request->user));
}

/* Fill means[answer_count] and return the mean over the tokens of all answers. */
static double score(const fill_search *search, const um_result *result, double *means) {
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < result->answer_count; i++) {
        const um_answer *answer = &result->answers[i];
        const size_t tokens = answer->token_count + (answer->ended ? 1 : 0);
        double part = 0;
        for (size_t j = 0; j < tokens; j++) {
            part += (double)search->log_confidence[answer->start + j];
        }
        means[i] = tokens > 0 ? part / (double)tokens : log(SMALLEST_CONFIDENCE);
        sum += tokens > 0 ? part : means[i];
        count += tokens > 0 ? tokens : 1;
    }
    return sum / (double)count;
}

/* If only white space follows the last hole, nothing but an end token shows that the answer is
 * whole; otherwise the text that follows does. */
static bool is_finished(const fill_search *search, const um_result *result) {
    const um_fill_plan *plan = search->request->plan;
    for (size_t i = plan->holes[plan->hole_count - 1].end; i < plan->text.length; i++) {
        if (!strchr(" \t\r\n", plan->text.data[i])) {
            return true;
        }
    }
    return result->answers[result->answer_count - 1].ended;
}

static um_status decode(fill_search *search, um_result *result, um_error *error) {
    const um_request request = {.parts = search->parts,
                                .part_count = search->part_count,
                                .options = search->request->options};
    const um_callbacks callbacks = {
        .user = search, .start = on_start, .event = on_event, .is_cancelled = is_cancelled};
    const um_status status = um_generate(search->session, &request, &callbacks, result, error);
    if (search->status != UM_OK) {
        *error = search->error;
        return search->status;
    }
    return status;
}

static size_t shown_tokens(const fill_search *search) {
    size_t count = 0;
    for (size_t i = 0; i <= search->request->plan->hole_count; i++) {
        count += search->spans[i].last - search->spans[i].first;
    }
    return count;
}

/* Keep the result if it is the best so far. */
static um_status judge(fill_search *search, size_t open_length, um_result *result,
                       um_error *error) {
    um_fill_outcome *outcome = search->outcome;
    double *means = NULL;
    UM_TRY(um_allocate(&means, result->answer_count, sizeof *means, "confidences", error));
    const double mean = score(search, result, means);
    const size_t trial = outcome->trial_count++;
    outcome->trials[trial] = (um_fill_trial){open_length, mean};
    if (search->request->tried) {
        search->request->tried(search->request->user, open_length, mean);
    }
    const bool finished = is_finished(search, result);
    const bool surer = trial == 0 || mean > outcome->trials[outcome->chosen].mean_log_confidence;
    if (trial == 0 || (finished && !search->chosen_is_finished) ||
        (finished == search->chosen_is_finished && surer)) {
        search->chosen_is_finished = finished;
        um_result_clear(&outcome->result);
        free(outcome->mean_log_confidence);
        outcome->result = *result;
        outcome->mean_log_confidence = means;
        outcome->chosen = trial;
        outcome->shown_tokens = shown_tokens(search);
        *result = (um_result){0};
        means = NULL;
    }
    free(means);
    return UM_OK;
}

static um_status try_length(fill_search *search, size_t open_length, um_error *error) {
    UM_TRY(choose_spans(search, open_length, error));
    lay_parts(search, open_length);
    um_result result = {0};
    um_status status = decode(search, &result, error);
    if (status == UM_OK) {
        status = judge(search, open_length, &result, error);
    }
    um_result_clear(&result);
    free(search->log_confidence);
    search->log_confidence = NULL;
    return status;
}

/* ---- All trials ---------------------------------------------------------- */

static bool is_open(const fill_search *search) {
    const um_fill_plan *plan = search->request->plan;
    for (size_t i = 0; i < plan->hole_count; i++) {
        if (plan->holes[i].length == 0) {
            return true;
        }
    }
    return false;
}

static um_status try_lengths(fill_search *search, um_error *error) {
    static const size_t lengths[UM_FILL_LENGTH_COUNT] = UM_FILL_LENGTHS;
    const bool open = is_open(search);
    if (!open || search->request->length > 0) {
        return try_length(search, open ? search->request->length : 0, error);
    }
    for (size_t i = 0; i < UM_FILL_LENGTH_COUNT; i++) {
        const um_status status = try_length(search, lengths[i], error);
        if (status == UM_ERR_LIMIT && i > 0) {
            break;
        }
        UM_TRY(status);
    }
    return UM_OK;
}

static um_status check_model(fill_search *search, um_error *error) {
    um_model_info info;
    um_model_get_info(search->model, &info);
    if (strcmp(info.attention, "causal") == 0) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s reads from left to right only, and cannot see what follows a hole: "
                        "use a diffusion model",
                        info.name);
    }
    const size_t wanted = search->request->context;
    search->limit = wanted > 0 && wanted < info.context_length ? wanted : info.context_length;
    if (search->request->bos) {
        UM_TRY(um_cli_bos_token(search->model, &search->bos, error));
        search->limit--;
    }
    return UM_OK;
}

um_status um_fill_search(um_session *session, const um_model *model, const um_fill_request *request,
                         um_fill_outcome *outcome, um_error *error) {
    const size_t holes = request->plan->hole_count;
    fill_search search = {
        .session = session, .model = model, .request = request, .outcome = outcome};
    um_status status = check_model(&search, error);
    if (status == UM_OK) {
        status = um_allocate(&search.spans, holes + 1, sizeof *search.spans, "tokens", error);
    }
    if (status == UM_OK) {
        status = um_allocate(&search.parts, 2 * holes + 2, sizeof *search.parts, "parts", error);
    }
    if (status == UM_OK) {
        status = tokenise_spans(&search, error);
    }
    if (status == UM_OK) {
        status = try_lengths(&search, error);
    }
    for (size_t i = 0; search.spans && i <= holes; i++) {
        um_free(search.spans[i].tokens);
    }
    free(search.spans);
    free(search.parts);
    return status;
}

void um_fill_outcome_free(um_fill_outcome *outcome) {
    um_result_clear(&outcome->result);
    free(outcome->mean_log_confidence);
    *outcome = (um_fill_outcome){0};
}
