#include "train/grpo/grpo_reference.h"

#include <string.h>

um_status um_grpo_reference_create(const um_learner *learner, um_grpo_reference *reference,
                                   um_error *error) {
    *reference = (um_grpo_reference){0};
    if (learner->recipe->grpo.kl_coefficient == 0) {
        return UM_OK;
    }
    UM_TRY(um_parameters_lay_out(&reference->parameters, &learner->config, &reference->block,
                                 &reference->count, error));
    memcpy(reference->block, learner->parameter_block, reference->count * sizeof(float));
    reference->transformer =
        (um_transformer){.config = &learner->config, .parameters = &reference->parameters};
    return UM_OK;
}

void um_grpo_reference_free(um_grpo_reference *reference) {
    um_parameters_free(&reference->parameters);
    *reference = (um_grpo_reference){0};
}

void um_grpo_reference_sync(um_grpo_reference *reference, const um_learner *learner) {
    const um_grpo_options *options = &learner->recipe->grpo;
    if (!reference->block || options->reference_interval == 0 ||
        um_learner_step(learner) % options->reference_interval != 0) {
        return;
    }
    const float share = (float)options->reference_mixing;
    for (size_t i = 0; i < reference->count; i++) {
        reference->block[i] =
            share * learner->parameter_block[i] + (1.0f - share) * reference->block[i];
    }
}

void um_grpo_reference_save(const um_grpo_reference *reference, um_state_sections *sections) {
    if (reference->block) {
        um_state_sections_add(sections, "reference", reference->block,
                              reference->count * sizeof(float));
    }
}

um_status um_grpo_reference_load(um_grpo_reference *reference, const um_state_file *file,
                                 um_error *error) {
    return reference->block ? um_state_file_read(file, "reference", reference->block,
                                                 reference->count * sizeof(float), error)
                            : UM_OK;
}
