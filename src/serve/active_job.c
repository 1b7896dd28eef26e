#include "serve/active_job.h"

#include <stdlib.h>

/* ---- The beginning ---------------------------------------------------------------- */

/* Tokenise the texts, and make room for all samples. */
static um_status prepare(um_active_job *active, const um_model *model, const um_fit_limits *limits,
                         um_error *error) {
    const um_ask *ask = &active->job->ask;
    active->trials = um_request_fit_lengths(ask, limits, active->lengths);
    UM_TRY(um_request_fit_begin(model, ask, limits, &active->fit, error));
    active->samples = calloc(ask->samples * active->trials, sizeof *active->samples);
    active->outcomes = calloc(ask->samples, sizeof *active->outcomes);
    return active->samples && active->outcomes
               ? UM_OK
               : um_error_memory(error, "samples", ask->samples * sizeof *active->samples);
}

size_t um_active_job_in_batch(const um_active_job *active) {
    return active->added - active->finished;
}

/* Whether all samples have been given to the batch. */
static bool is_added(const um_active_job *active) {
    return active->trials > 0 && active->added == active->job->ask.samples * active->trials;
}

bool um_active_job_has_more(const um_active_job *active) {
    return active->status == UM_OK && !is_added(active);
}

um_status um_active_job_add_sample(um_active_job *active, const um_model *model,
                                   const um_fit_limits *limits, um_batch *batch, um_error *error) {
    if (active->trials == 0) {
        UM_TRY(prepare(active, model, limits, error));
    }
    um_sample *sample = &active->samples[active->added];
    um_request_fit *fit = &active->fit;
    UM_TRY(um_request_fit_lay(fit, active->lengths[active->added % active->trials], error));
    *sample = (um_sample){.job = active->job,
                          .index = active->added / active->trials,
                          .is_trial = active->trials > 1,
                          .hole_length = fit->hole_length,
                          .is_cut = fit->is_cut};
    fit->request.sample = (uint32_t)sample->index;
    const um_callbacks callbacks = um_sample_callbacks(sample);
    UM_TRY(um_batch_add(batch, &fit->request, &callbacks, &sample->id, error));
    active->added++;
    return UM_OK;
}

void um_active_job_fail(um_active_job *active, um_status status, const um_error *error) {
    if (active->status == UM_OK) {
        active->status = status;
        active->error = *error;
    }
    for (size_t i = 0; i < active->added; i++) {
        active->samples[i].is_stopped = true;
    }
}

/* ---- Trials ------------------------------------------------------------------------- */

/* Whether `trial` is the better answer.  If only white space follows, nothing but an end token
 * shows that an answer is whole; otherwise the surer one counts, and of equals the one that came
 * first. */
static bool is_better(const um_sample *trial, const um_sample *best, bool needs_end) {
    if (needs_end && trial->has_end != best->has_end) {
        return trial->has_end;
    }
    return trial->mean_log_confidence > best->mean_log_confidence;
}

/* Choose among the trials of a sample that are all finished; the work of all counts for it. */
static um_sample *choose_trial(um_active_job *active, size_t index) {
    um_sample *trials = &active->samples[index * active->trials];
    um_sample *best = &trials[0];
    const bool needs_end = um_ask_ends_with_answer(&active->job->ask);
    um_sample_facts work = {0};
    for (size_t i = 0; i < active->trials; i++) {
        const um_sample_facts *facts = &trials[i].outcome.facts;
        work.forwards += facts->forwards;
        work.rows += facts->rows;
        work.seconds = facts->seconds > work.seconds ? facts->seconds : work.seconds;
        best = is_better(&trials[i], best, needs_end) ? &trials[i] : best;
    }
    best->outcome.facts.forwards = work.forwards;
    best->outcome.facts.rows = work.rows;
    best->outcome.facts.seconds = work.seconds;
    return best;
}

static bool are_finished(const um_active_job *active, size_t index) {
    for (size_t i = 0; i < active->trials; i++) {
        if (!active->samples[index * active->trials + i].is_finished) {
            return false;
        }
    }
    return true;
}

/* ---- Steps ---------------------------------------------------------------------------- */

um_sample *um_active_job_find(um_active_job *active, uint64_t id) {
    for (size_t i = 0; i < active->added; i++) {
        if (active->samples[i].id == id) {
            return &active->samples[i];
        }
    }
    return NULL;
}

static um_status finish_sample(um_active_job *active, um_sample *sample, const um_result *result,
                               um_error *error) {
    UM_TRY(um_sample_finish(sample, result, error));
    if (!are_finished(active, sample->index)) {
        return UM_OK;
    }
    um_sample *chosen = choose_trial(active, sample->index);
    active->outcomes[sample->index] = chosen->outcome;
    return um_sample_tell_end(chosen, &active->output, error);
}

void um_active_job_take(um_active_job *active, um_sample *sample, const um_outcome *outcome) {
    active->finished++;
    um_status status = outcome->status;
    um_error error = outcome->error;
    if (sample->status != UM_OK) { /* a callback of ours is why it was cancelled */
        status = sample->status;
        error = sample->error;
    } else if (active->status == UM_OK &&
               (status == UM_OK || (status == UM_ERR_CANCELLED && sample->is_stopped))) {
        status = finish_sample(active, sample, &outcome->result, &error);
    }
    if (status != UM_OK) {
        um_active_job_fail(active, status, &error);
    }
}

void um_active_job_step(um_active_job *active) {
    um_error error = {0};
    um_status status = active->status;
    for (size_t i = 0; status == UM_OK && i < active->added; i++) {
        status = um_sample_step(&active->samples[i], &active->output, &error);
    }
    if (status == UM_OK) {
        status = um_job_write(active->job, &active->output, &error);
    }
    um_buffer_clear(&active->output);
    if (status != UM_OK) {
        um_active_job_fail(active, status, &error);
    }
}

/* ---- The end ---------------------------------------------------------------------------- */

bool um_active_job_is_over(const um_active_job *active) {
    return active->finished == active->added && (is_added(active) || active->status != UM_OK);
}

/* The part of the reply that needs all samples. */
static um_status write_end(um_active_job *active, um_error *error) {
    um_job *job = active->job;
    size_t tokens = 0;
    for (size_t i = 0; i < job->ask.samples; i++) {
        tokens += active->outcomes[i].facts.answer_tokens;
    }
    atomic_store(&job->answer_tokens, tokens);
    return um_job_write_end(job, active->outcomes, &active->output, error);
}

void um_active_job_end(um_active_job *active) {
    um_error error = {0};
    if (active->status == UM_OK) {
        const um_status status = write_end(active, &error);
        if (status != UM_OK) {
            um_active_job_fail(active, status, &error);
        }
    }
}

void um_active_job_free(um_active_job *active) {
    um_job_finish(active->job, active->status, &active->error);
    for (size_t i = 0; i < active->added; i++) {
        um_sample_free(&active->samples[i]);
    }
    um_request_fit_free(&active->fit);
    free(active->samples);
    free(active->outcomes);
    um_buffer_free(&active->output);
    um_job_release(active->job);
    free(active);
}
