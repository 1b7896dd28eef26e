#include "train/supervised/supervised_samples.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "decode/decode.h"
#include "decode/transformer_denoiser.h"

#define SAMPLES 3

typedef struct sample_text {
    um_buffer prompt;
    um_buffer completion;
} sample_text;

/* How many tokens of a document the model is given. */
static size_t given_length(um_document document) {
    return document.prompt_length > 0 ? document.prompt_length : (document.length + 1) / 2;
}

static size_t answer_length(const um_recipe *recipe, um_document document) {
    const size_t wanted =
        recipe->answer_length > 0 ? recipe->answer_length : UM_DEFAULT_ANSWER_LENGTH;
    const size_t given = given_length(document);
    const size_t room = recipe->context_length > given ? recipe->context_length - given : 0;
    /* Without padding, the model has learnt no other length than the document's. */
    const size_t known = recipe->objective == UM_OBJECTIVE_DIFFUSION && recipe->answer_length == 0
                             ? um_size_smaller(document.length - given, wanted)
                             : wanted;
    return um_size_smaller(known, room);
}

static um_status decode(const um_supervised *run, um_canvas *canvas, const int32_t *end_token,
                        const um_run_observer *observer, um_error *error) {
    um_learner *learner = run->learner;
    um_transformer_denoiser *denoiser = NULL;
    um_decode_options options = um_decode_options_default();
    const bool causal = run->recipe->objective == UM_OBJECTIVE_CAUSAL;
    options.algorithm = causal ? "autoregressive" : "threshold";
    options.stop_tokens = end_token;
    options.stop_token_count = *end_token >= 0 ? 1 : 0;
    UM_TRY(
        um_transformer_denoiser_create(&learner->transformer, learner->compute, &denoiser, error));
    const um_denoiser interface = um_transformer_denoiser_interface(denoiser);
    const um_decode_hooks hooks = {.is_cancelled = observer->should_stop,
                                   .cancel_user = observer->user,
                                   .pool = learner->compute->pool,
                                   .kernels = &learner->compute->kernels};
    const um_status status = um_decode_run(&interface, canvas, &options, &hooks, NULL, error);
    um_transformer_denoiser_free(denoiser);
    return status;
}

static um_status complete(const um_supervised *run, const um_tokenizer *tokenizer,
                          const int32_t *given, size_t given_count, size_t answer_count,
                          const um_run_observer *observer, sample_text *text, um_error *error) {
    um_canvas canvas = {0};
    const int32_t end_token = um_tokenizer_eos(tokenizer);
    um_status status =
        um_tokenizer_decode(tokenizer, given, given_count, false, &text->prompt, error);
    if (status == UM_OK) {
        status = um_canvas_create_prompt(given, given_count, answer_count,
                                         run->learner->config.mask_token, &canvas, error);
    }
    if (status == UM_OK) {
        status = decode(run, &canvas, &end_token, observer, error);
    }
    if (status == UM_OK) {
        const size_t length = um_canvas_hole_answer_length(&canvas, canvas.hole_count - 1,
                                                           &end_token, end_token >= 0, NULL);
        status = um_tokenizer_decode(tokenizer, canvas.tokens + canvas.length - answer_count,
                                     length, true, &text->completion, error);
    }
    um_canvas_free(&canvas);
    return status;
}

static um_status show(const um_supervised *run, const um_tokenizer *tokenizer, size_t index,
                      const um_run_observer *observer, um_error *error) {
    const um_document document = um_shard_document(run->validation_shard, index);
    const size_t given = given_length(document);
    const size_t answer = answer_length(run->recipe, document);
    if (answer == 0) {
        return UM_OK;
    }
    int32_t *tokens = NULL;
    sample_text text = {0};
    UM_TRY(um_allocate(&tokens, given, sizeof *tokens, "sample", error));
    um_shard_tokens(run->validation_shard, index, 0, given, tokens);
    const um_status status =
        complete(run, tokenizer, tokens, given, answer, observer, &text, error);
    if (status == UM_OK) {
        const um_sample_report sample = {.prompt = um_buffer_text(&text.prompt),
                                         .prompt_length = text.prompt.length,
                                         .completion = um_buffer_text(&text.completion),
                                         .completion_length = text.completion.length,
                                         .reward = NAN};
        observer->sample(observer->user, um_learner_step(run->learner), &sample);
    }
    um_buffer_free(&text.prompt);
    um_buffer_free(&text.completion);
    free(tokens);
    return status;
}

/* The first document, from `index` on, that ends with its answer; `count` if there is none. */
static size_t without_suffix(const um_shard *shard, size_t index, size_t count) {
    while (index < count && um_shard_document(shard, index).suffix_length > 0) {
        index++;
    }
    return index;
}

um_status um_supervised_samples_show(const um_supervised *run, const um_tokenizer *tokenizer,
                                     const um_run_observer *observer, um_error *error) {
    const size_t count = um_shard_document_count(run->validation_shard);
    const size_t shown = um_size_smaller(count, SAMPLES);
    size_t next = 0; /* behind the document that was shown last */
    for (size_t i = 0; tokenizer && observer->sample && i < shown; i++) {
        um_error ignored = {0};
        const size_t start = i * count / shown;
        const size_t index =
            without_suffix(run->validation_shard, start < next ? next : start, count);
        next = index + 1;
        const um_status status =
            index < count ? show(run, tokenizer, index, observer, &ignored) : UM_OK;
        if (status == UM_ERR_CANCELLED || status == UM_ERR_MEMORY) {
            return UM_RAISE(error, status, "%s", ignored.message);
        }
    }
    return UM_OK;
}
