#include "train/learner/loss.h"

#include <math.h>
#include <stdlib.h>

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
        status =
            um_allocate(&scratch->correct, CHUNK_ROWS, sizeof *scratch->correct, "loss", error);
    }
    if (status != UM_OK) {
        um_loss_scratch_free(scratch);
    }
    return status;
}

void um_loss_scratch_free(um_loss_scratch *scratch) {
    free(scratch->logits);
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

/* The targets of a row are those from `first` to before `end`. */
typedef struct target_range {
    size_t first;
    size_t end;
} target_range;

static target_range targets_of(const um_loss_rows *rows, size_t row) {
    return (target_range){.first = row > 0 ? rows->target_ends[row - 1] : 0,
                          .end = rows->target_ends[row]};
}

/* From the softmax to weight * (softmax - one-hot target). */
static void weigh_target(size_t vocabulary, size_t target, float weight, float *softmax) {
    softmax[target] -= 1.0f; /* before the product: exact where the softmax is almost 1 */
    for (size_t i = 0; i < vocabulary; i++) {
        softmax[i] *= weight;
    }
}

static bool is_first_of_its_token(const int32_t *targets, target_range range, size_t at) {
    for (size_t i = range.first; i < at; i++) {
        if (targets[i] == targets[at]) {
            return false;
        }
    }
    return true;
}

/* The same, added up over several targets. */
static void weigh_targets(const um_loss_rows *rows, target_range range, size_t vocabulary,
                          float *softmax) {
    float sum = 0;
    for (size_t i = range.first; i < range.end; i++) {
        sum += rows->weights[i];
    }
    for (size_t i = 0; i < vocabulary; i++) {
        softmax[i] *= sum;
    }
    for (size_t i = range.first; i < range.end; i++) {
        if (is_first_of_its_token(rows->targets, range, i)) {
            const float logarithm = rows->log_probabilities[i];
            float own = 0; /* the weight of its token */
            for (size_t j = i; j < range.end; j++) {
                own += rows->targets[j] == rows->targets[i] ? rows->weights[j] : 0;
            }
            /* own (p - 1) + (sum - own) p: exact where p is almost 1, and 0 if all share it. */
            softmax[rows->targets[i]] = own * expm1f(logarithm) + (sum - own) * expf(logarithm);
        }
    }
}

/* Losses of a row.  With gradient, its logits become d loss / d logits. */
static void row_loss(const chunk *part, size_t row, float *logits) {
    const um_loss_rows *rows = part->rows;
    const target_range range = targets_of(rows, part->first + row);
    const size_t best = largest_index(part->vocabulary, logits);
    const size_t target = (size_t)rows->targets[range.first];
    const float logit = logits[target];
    float *logarithms = rows->log_probabilities;
    size_t correct = target == best;
    for (size_t i = range.first + 1; i < range.end; i++) {
        logarithms[i] = logits[rows->targets[i]] - logit;
        correct += (size_t)rows->targets[i] == best;
    }
    part->scratch->correct[row] = correct;
    part->compute->kernels.cross_entropy(part->vocabulary, logits, target, logarithms + range.first,
                                         part->with_gradient ? logits : NULL);
    for (size_t i = range.first + 1; i < range.end; i++) {
        logarithms[i] += logarithms[range.first];
    }
    if (part->with_gradient && range.end - range.first == 1) {
        weigh_target(part->vocabulary, target, rows->weights[range.first], logits);
    } else if (part->with_gradient) {
        weigh_targets(rows, range, part->vocabulary, logits);
    }
}

static void chunk_task(void *user, size_t task, size_t worker) {
    (void)worker;
    const chunk *part = user;
    const size_t end = (task + 1) * TASK_ROWS < part->count ? (task + 1) * TASK_ROWS : part->count;
    for (size_t i = task * TASK_ROWS; i < end; i++) {
        row_loss(part, i, part->scratch->logits + i * part->vocabulary);
    }
}

static void add_sums(const chunk *part, um_loss_sums *sums) {
    const um_loss_rows *rows = part->rows;
    const size_t end = targets_of(rows, part->first + part->count - 1).end;
    for (size_t i = targets_of(rows, part->first).first; i < end; i++) {
        const double loss = -(double)rows->log_probabilities[i];
        sums->plain += loss;
        sums->weighted += (double)rows->weights[i] * loss;
    }
    for (size_t i = 0; i < part->count; i++) {
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
