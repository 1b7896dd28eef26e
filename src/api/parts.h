/* What lies behind the handles of unmask.h, for commands that measure single parts of a run.  Not
 * installed. */
#ifndef UM_API_PARTS_H
#define UM_API_PARTS_H

#include "model/transformer.h"
#include "unmask.h"

/* The transformer of a model, which lives as long as the model. */
um_transformer um_model_transformer(const um_model *model);

/* The model's kernels on these threads, which must outlive the result. */
um_compute um_model_compute(const um_model *model, const um_threads *threads);

#endif
