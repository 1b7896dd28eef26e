#include "train/optimizer/muon.h"

#include <math.h>
#include <string.h>

#include "kernels/blas/blas.h"

#define ITERATIONS 5
/* Coefficients of Jordan et al.: the steepest polynomial at 0 that keeps [0.7, 1.2] in place. */
#define COEFFICIENT_A 3.4445f
#define COEFFICIENT_B (-4.7750f)
#define COEFFICIENT_C 2.0315f
#define SMALLEST_NORM 1e-7
/* The root mean square of a typical AdamW update, to which the orthogonal one is scaled. */
#define ADAMW_SCALE 0.2

/* The iteration takes a matrix with its long side as rows, so that the square matrices are
 * small. */
typedef struct shape {
    size_t tall;
    size_t narrow;
} shape;

static shape shape_of(size_t rows, size_t columns) {
    return rows >= columns ? (shape){rows, columns} : (shape){columns, rows};
}

size_t um_muon_scratch(size_t rows, size_t columns) {
    const shape at = shape_of(rows, columns);
    return 3 * at.tall * at.narrow + 2 * at.narrow * at.narrow;
}

/* target [columns, rows] = source [rows, columns] transposed. */
static void transpose(size_t rows, size_t columns, const float *source, float *target) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            target[j * rows + i] = source[i * columns + j];
        }
    }
}

static double norm(size_t count, const float *x) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return sqrt(sum);
}

/* next = a x + x (b g + c g g), with g = x^T x; x and next [tall, narrow]. */
static void iterate(shape at, const float *x, float *gram, float *polynomial, float *next) {
    const size_t n = at.narrow;
    um_sgemm_transposed(NULL, n, n, at.tall, x, n, x, n, 0, gram, n);
    for (size_t i = 0; i < n * n; i++) {
        polynomial[i] = COEFFICIENT_B / COEFFICIENT_C * gram[i];
    }
    um_sgemm(NULL, n, n, n, gram, n, gram, n, 1, polynomial, n);
    for (size_t i = 0; i < n * n; i++) {
        polynomial[i] *= COEFFICIENT_C;
    }
    for (size_t i = 0; i < n; i++) {
        polynomial[i * n + i] += COEFFICIENT_A;
    }
    um_sgemm(NULL, at.tall, n, n, x, n, polynomial, n, 0, next, n);
}

void um_muon_orthogonalise(size_t rows, size_t columns, float *x, float *scratch) {
    const shape at = shape_of(rows, columns);
    const size_t count = rows * columns;
    float *current = scratch;
    float *next = current + count;
    float *gram = next + count;
    float *polynomial = gram + at.narrow * at.narrow;
    const float scale = (float)(1.0 / fmax(norm(count, x), SMALLEST_NORM));
    if (rows >= columns) {
        memcpy(current, x, count * sizeof *x);
    } else {
        transpose(rows, columns, x, current);
    }
    for (size_t i = 0; i < count; i++) {
        current[i] *= scale;
    }
    for (size_t i = 0; i < ITERATIONS; i++) {
        iterate(at, current, gram, polynomial, next);
        float *swap = current;
        current = next;
        next = swap;
    }
    if (rows >= columns) {
        memcpy(x, current, count * sizeof *x);
    } else {
        transpose(columns, rows, current, x);
    }
}

void um_muon_update(const um_muon_matrix *matrix, const um_muon_step *step, float *scratch) {
    const size_t count = matrix->rows * matrix->columns;
    const float decay = (float)step->momentum;
    const float fresh = (float)((1.0 - step->momentum) * step->gradient_scale);
    float *direction = scratch;
    for (size_t i = 0; i < count; i++) {
        const float part = fresh * matrix->gradient[i];
        matrix->momentum[i] = decay * matrix->momentum[i] + part;
        direction[i] = decay * matrix->momentum[i] + part;
    }
    um_muon_orthogonalise(matrix->rows, matrix->columns, direction, scratch + count);
    const double longest = (double)shape_of(matrix->rows, matrix->columns).tall;
    const float rate = (float)(step->learning_rate * ADAMW_SCALE * sqrt(longest));
    const float decayed = (float)(step->learning_rate * step->weight_decay);
    for (size_t i = 0; i < count; i++) {
        matrix->parameter[i] -= rate * direction[i] + decayed * matrix->parameter[i];
    }
}
