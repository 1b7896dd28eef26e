#include "train/completions/completion_sharing.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

/* This rank's requests, and what became of them. */
typedef struct own_part {
    size_t count;
    um_sample_request *requests;
    um_completion *completions;
    um_judgement *judgements;
} own_part;

/* How a completion is sent: this, then its tokens and steps. */
typedef struct sent_completion {
    um_completion completion; /* without tokens and steps */
    um_judgement judgement;
} sent_completion;

static void free_part(own_part *part) {
    um_completions_free(part->completions, part->count);
    free(part->requests);
    free(part->completions);
    free(part->judgements);
}

static um_status take_own(const um_collective *collective, const um_sample_request *requests,
                          size_t count, size_t unit, own_part *part, um_error *error) {
    UM_TRY(um_allocate(&part->requests, count, sizeof *part->requests, "rollouts", error));
    for (size_t i = 0; i < count; i++) {
        if (um_collective_owns(collective, i / unit)) {
            part->requests[part->count++] = requests[i];
        }
    }
    UM_TRY(
        um_allocate(&part->completions, part->count, sizeof *part->completions, "rollouts", error));
    return um_allocate(&part->judgements, part->count, sizeof *part->judgements, "rollouts", error);
}

static size_t block_bytes(const um_completion *completion) {
    return um_completion_block(completion) * sizeof *completion->tokens;
}

static um_status pack(const own_part *part, um_buffer *message, um_error *error) {
    for (size_t i = 0; i < part->count; i++) {
        sent_completion sent = {.completion = part->completions[i],
                                .judgement = part->judgements[i]};
        sent.completion.tokens = NULL;
        sent.completion.steps = NULL;
        UM_TRY(um_buffer_append(message, &sent, sizeof sent, error));
        UM_TRY(um_buffer_append(message, part->completions[i].tokens, block_bytes(&sent.completion),
                                error));
    }
    return UM_OK;
}

/* Take the next completion from the message of its rank; *at moves past it. */
static um_status unpack(const unsigned char *bytes, size_t *at, um_completion *completion,
                        um_judgement *judgement, um_error *error) {
    sent_completion sent;
    memcpy(&sent, bytes + *at, sizeof sent);
    *at += sizeof sent;
    *judgement = sent.judgement;
    *completion = sent.completion;
    UM_TRY(um_allocate(&completion->tokens, um_completion_block(completion),
                       sizeof *completion->tokens, "rollouts", error));
    completion->steps = completion->tokens + completion->length;
    memcpy(completion->tokens, bytes + *at, block_bytes(completion));
    *at += block_bytes(completion);
    return UM_OK;
}

static um_status unpack_all(const um_collective *collective, um_gathered *gathered, size_t count,
                            size_t unit, um_completion *completions, um_judgement *judgements,
                            um_error *error) {
    for (size_t i = 0; i < count; i++) {
        const size_t owner = i / unit % um_collective_size(collective);
        UM_TRY(unpack(gathered->bytes, &gathered->starts[owner], &completions[i], &judgements[i],
                      error));
    }
    return UM_OK;
}

static um_status exchange(um_collective *collective, const own_part *part, size_t count,
                          size_t unit, um_completion *completions, um_judgement *judgements,
                          um_error *error) {
    um_buffer message = {0};
    um_gathered gathered = {0};
    um_status status = pack(part, &message, error);
    if (status == UM_OK) {
        status = um_collective_gather(collective, um_buffer_text(&message), message.length,
                                      &gathered, error);
    }
    if (status == UM_OK) {
        status = unpack_all(collective, &gathered, count, unit, completions, judgements, error);
    }
    um_buffer_free(&message);
    um_gathered_free(&gathered);
    return status;
}

um_status um_sample_completions_among(um_collective *collective,
                                      const um_completion_sampling *sampling,
                                      const um_sample_request *requests, size_t count, size_t unit,
                                      um_completion *completions, um_judgement *judgements,
                                      um_sampling_times *times, um_error *error) {
    if (um_collective_size(collective) == 1) {
        return um_sample_completions(sampling, requests, count, completions, judgements, times,
                                     error);
    }
    own_part part = {0};
    *times = (um_sampling_times){0};
    um_status status = take_own(collective, requests, count, unit, &part, error);
    if (status == UM_OK && part.count > 0) {
        status = um_sample_completions(sampling, part.requests, part.count, part.completions,
                                       part.judgements, times, error);
    }
    if (status == UM_OK) {
        status = exchange(collective, &part, count, unit, completions, judgements, error);
    }
    free_part(&part);
    return status;
}
