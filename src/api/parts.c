#include "api/parts.h"

#include "api/internal.h"

um_transformer um_model_transformer(const um_model *model) {
    return (um_transformer){&model->config, &model->parameters};
}

um_compute um_model_compute(const um_model *model, const um_threads *threads) {
    return (um_compute){.kernels = model->kernels, .pool = threads->pool};
}
