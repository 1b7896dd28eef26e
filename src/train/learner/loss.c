#include "train/learner/loss.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/linear.h"

#define CHUNK_ROWS 512
#define TASK_ROWS 16

um_status um_loss_scratch_create(const um_model_config *config, um_loss_scratch *scratch,
                                 um_error *error) {
    *scratch = (um_loss_scratch){0};
    um_status status = um_allocate(&scratch->logits, CHUNK_ROWS * config->vocabulary_size,
                                   sizeof *scratch->logits, "logits", error);
    if (status == UM_OK) {
        status = um_allocate(&scratch->log_probabilities, CHUNK_ROWS,
                             sizeof *scratch->log_probabilities, "loss", error);
    }
    if (status == UM_OK) {
        status = um_allocate(&scratch->correct, CHUNK_ROWS, 1, "loss", error);
    }
    if (status != UM_OK) {
        um_loss_scratch_free(scratch);
    }
    return status;
}

void um_loss_scratch_free(um_loss_scratch *scratch) {
    free(scratch->logits);
    free(scratch->log_probabilities);
    free(scratch->correct);
    *scratch = (um_loss_scratch){0};
}

typedef struct chunk {
    const um_compute *compute;
    const um_loss_rows *rows;
    um_loss_scratch *scratch;
    size_t first;
    size_t count;
    size_t vocabulary;
    bool with_gradient;
} chunk;

static size_t largest_index(size_t count, const float *values) {
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        best = values[i] > values[best] ? i : best;
    }
    return best;
}

/* Losses of some rows.  With gradient, their logits become d loss / d logits = weight * (softmax -
 * one-hot target). */
static void chunk_task(void *user, size_t task, size_t worker) {
    (void)worker;
    const chunk *part = user;
    const size_t end = (task + 1) * TASK_ROWS < part->count ? (task + 1) * TASK_ROWS : part->count;
    for (size_t i = task * TASK_ROWS; i < end; i++) {
        float *logits = part->scratch->logits + i * part->vocabulary;
        const size_t target = (size_t)part->rows->targets[part->first + i];
        const float weight = part->rows->weights[part->first + i];
        part->scratch->correct[i] = largest_index(part->vocabulary, logits) == target;
        part->compute->kernels.cross_entropy(part->vocabulary, logits, target,
                                             part->scratch->log_probabilities + i,
                                             part->with_gradient ? logits : NULL);
        if (part->with_gradient) {
            logits[target] -= 1.0f;
            for (size_t j = 0; j < part->vocabulary; j++) {
                logits[j] *= weight;
            }
        }
    }
}

static void add_sums(const chunk *part, um_loss_sums *sums) {
    if (part->rows->log_probabilities) {
        memcpy(part->rows->log_probabilities + part->first, part->scratch->log_probabilities,
               part->count * sizeof(float));
    }
    for (size_t i = 0; i < part->count; i++) {
        const double loss = -(double)part->scratch->log_probabilities[i];
        sums->plain += loss;
        sums->weighted += (double)part->rows->weights[part->first + i] * loss;
        sums->correct += part->scratch->correct[i];
    }
}

void um_loss_compute(const um_transformer *transformer, const um_compute *compute,
                     const um_loss_rows *rows, um_loss_scratch *scratch, float *dhidden,
                     const um_tensor *head_gradient, um_loss_sums *sums) {
    const size_t hidden_size = transformer->config->hidden_size;
    const size_t vocabulary = transformer->config->vocabulary_size;
    *sums = (um_loss_sums){0};
    for (size_t first = 0; first < rows->count; first += CHUNK_ROWS) {
        const size_t rest = rows->count - first;
        chunk part = {.compute = compute,
                      .rows = rows,
                      .scratch = scratch,
                      .first = first,
                      .count = rest < CHUNK_ROWS ? rest : CHUNK_ROWS,
                      .vocabulary = vocabulary,
                      .with_gradient = head_gradient != NULL};
        const float *hidden = rows->hidden + first * hidden_size;
        um_linear(compute, part.count, hidden, NULL, &transformer->parameters->head, NULL,
                  scratch->logits);
        um_thread_pool_run(compute->pool, um_size_divide_up(part.count, TASK_ROWS), chunk_task,
                           &part);
        add_sums(&part, sums);
        if (head_gradient) {
            um_linear_backward(compute, part.count, hidden, &transformer->parameters->head,
                               scratch->logits, dhidden + first * hidden_size, false, head_gradient,
                               NULL);
        }
    }
}
