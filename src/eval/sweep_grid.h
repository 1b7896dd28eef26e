/* The grid of a sweep: models, each decoded in one or several ways, at several temperatures. */
#ifndef UM_EVAL_SWEEP_GRID_H
#define UM_EVAL_SWEEP_GRID_H

#include "base/number_list.h"
#include "eval/step_share.h"

#define UM_SWEEP_MODELS 16
#define UM_SWEEP_TEMPERATURES UM_NUMBER_LIST_SIZE
#define UM_SWEEP_SHARES 8
#define UM_SWEEP_LINES (UM_SWEEP_MODELS * (UM_SWEEP_SHARES + 1))

/* What every model is evaluated with. */
typedef struct um_sweep_axes {
    um_number_list temperatures;           /* up to UM_SWEEP_TEMPERATURES */
    um_step_share shares[UM_SWEEP_SHARES]; /* [share_count], descending, none twice */
    size_t share_count;
} um_sweep_axes;

/* Read "0,0.2,1.5": numbers from 0 to 100 in any order.  UM_ERR_ARGUMENT names an invalid item. */
um_status um_sweep_read_temperatures(const char *text, um_sweep_axes *axes, um_error *error);

/* Read "1,1/2,1/4" in any order, or "none". */
um_status um_sweep_read_shares(const char *text, um_sweep_axes *axes, um_error *error);

typedef struct um_sweep_model {
    char *name;            /* owned; unique in the grid */
    const char *algorithm; /* its default; a constant string */
    bool is_causal;        /* it writes from left to right, and has no step budget */
    size_t parameter_count;
} um_sweep_model;

/* A model decoded in one way: a curve over temperatures. */
typedef struct um_sweep_line {
    size_t model;
    um_step_share steps; /* not set: the model's default decoding */
} um_sweep_line;

typedef struct um_sweep_grid {
    um_sweep_axes axes;
    um_sweep_model models[UM_SWEEP_MODELS]; /* [model_count] */
    size_t model_count;
    um_sweep_line lines[UM_SWEEP_LINES]; /* [line_count], the lines of a model side by side */
    size_t line_count;
} um_sweep_grid;

/* Add a model with its lines: its default decoding, and unless it is causal one line for each share
 * of steps.  Its name is `name`, with a number appended if another model has that name.
 * UM_ERR_LIMIT. */
um_status um_sweep_add_model(um_sweep_grid *grid, const char *name, const char *algorithm,
                             bool is_causal, size_t parameter_count, um_error *error);

void um_sweep_grid_free(um_sweep_grid *grid);

/* Lines times temperatures; point `index` belongs to line index / temperatures. */
size_t um_sweep_point_count(const um_sweep_grid *grid);
const um_sweep_line *um_sweep_line_at(const um_sweep_grid *grid, size_t point);
double um_sweep_temperature_at(const um_sweep_grid *grid, size_t point);

/* Samples to draw of each problem if `samples` are wanted: at temperature 0 only one, since all
 * would be the same. */
size_t um_sweep_samples_at(const um_sweep_grid *grid, size_t point, size_t samples);

/* "threshold", "all steps", "1/2 of the steps". */
void um_sweep_describe_line(const um_sweep_grid *grid, const um_sweep_line *line, char *text,
                            size_t text_size);

/* The name of the point's directory, such as "tiny.steps-1-2.t0.7".  UM_ERR_LIMIT. */
um_status um_sweep_point_name(const um_sweep_grid *grid, size_t point, char *name, size_t name_size,
                              um_error *error);

#endif
