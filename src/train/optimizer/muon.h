/* Muon: momentum matrices that are made orthogonal before they are applied (Jordan et al., "Muon:
 * An optimizer for hidden layers in neural networks", 2024), with the step size matched to AdamW's
 * as in "Muon is Scalable for LLM Training" (arXiv 2502.16982, section 2.2). */
#ifndef UM_TRAIN_OPTIMIZER_MUON_H
#define UM_TRAIN_OPTIMIZER_MUON_H

#include "base/status.h"

/* One matrix of the model and what belongs to it; all [rows, columns], dense, owned elsewhere. */
typedef struct um_muon_matrix {
    size_t rows;
    size_t columns;
    float *parameter;
    float *momentum;
    const float *gradient;
} um_muon_matrix;

typedef struct um_muon_step {
    double learning_rate;
    double momentum;       /* decay of the running gradient, mu */
    double weight_decay;   /* decoupled */
    double gradient_scale; /* the gradient is multiplied by this first (clipping, averaging) */
} um_muon_step;

/* Floats of scratch that um_muon_update and um_muon_orthogonalise need for one matrix. */
size_t um_muon_scratch(size_t rows, size_t columns);

/* Replace x [rows, columns] by nearly its closest matrix with orthonormal rows or columns: five
 * Newton-Schulz iterations X <- a X + X (b G + c G^2), G = X^T X, from X / |X|, which bring all
 * singular values that are not tiny to between about 0.7 and 1.2. */
void um_muon_orthogonalise(size_t rows, size_t columns, float *x, float *scratch);

/* One update, on the calling thread alone:
 *   momentum <- mu momentum + (1 - mu) g
 *   O        <- orthogonalised(mu momentum + (1 - mu) g)
 *   theta    <- theta - learning_rate (0.2 sqrt(max(rows, columns)) O + weight_decay theta) */
void um_muon_update(const um_muon_matrix *matrix, const um_muon_step *step, float *scratch);

#endif
