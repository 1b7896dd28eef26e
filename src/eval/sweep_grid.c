#include "eval/sweep_grid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "decode/options.h"

/* ---- Axes -------------------------------------------------------------------------- */

um_status um_sweep_read_temperatures(const char *text, um_sweep_axes *axes, um_error *error) {
    return um_number_list_read(text, UM_TEMPERATURE_MAXIMUM, UM_SWEEP_TEMPERATURES,
                               &axes->temperatures, error);
}

static um_status read_share(const char *item, size_t length, um_sweep_axes *axes, um_error *error) {
    um_step_share share;
    size_t at = 0;
    if (!um_step_share_parse(item, length, &share)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "\"%.*s\" is not a share such as 1 or 1/2",
                        (int)(length < 40 ? length : 40), item);
    }
    const double value = um_step_share_value(share);
    while (at < axes->share_count && um_step_share_value(axes->shares[at]) > value) {
        at++;
    }
    if (at < axes->share_count && um_step_share_value(axes->shares[at]) == value) {
        return UM_OK;
    }
    if (axes->share_count == UM_SWEEP_SHARES) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "more than %d shares", UM_SWEEP_SHARES);
    }
    memmove(axes->shares + at + 1, axes->shares + at,
            (axes->share_count - at) * sizeof *axes->shares);
    axes->shares[at] = share;
    axes->share_count++;
    return UM_OK;
}

um_status um_sweep_read_shares(const char *text, um_sweep_axes *axes, um_error *error) {
    axes->share_count = 0;
    for (const char *rest = strcmp(text, "none") == 0 ? NULL : text; rest;) {
        size_t length = 0;
        const char *item = um_text_next_item(&rest, &length);
        UM_TRY(read_share(item, length, axes, error));
    }
    return UM_OK;
}

/* ---- Models ------------------------------------------------------------------------- */

static bool is_taken(const um_sweep_grid *grid, const char *name) {
    for (size_t i = 0; i < grid->model_count; i++) {
        if (strcmp(grid->models[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static um_status make_name(const um_sweep_grid *grid, const char *name, char **made,
                           um_error *error) {
    const size_t size = strlen(name) + 24;
    *made = malloc(size);
    if (!*made) {
        return um_error_memory(error, "the name of a model", size);
    }
    (void)snprintf(*made, size, "%s", name);
    for (size_t number = 2; is_taken(grid, *made); number++) {
        (void)snprintf(*made, size, "%s-%zu", name, number);
    }
    return UM_OK;
}

um_status um_sweep_add_model(um_sweep_grid *grid, const char *name, const char *algorithm,
                             bool is_causal, size_t parameter_count, um_error *error) {
    if (grid->model_count == UM_SWEEP_MODELS) {
        return UM_RAISE(error, UM_ERR_LIMIT, "more than %d models", UM_SWEEP_MODELS);
    }
    um_sweep_model *model = &grid->models[grid->model_count];
    *model = (um_sweep_model){
        .algorithm = algorithm, .is_causal = is_causal, .parameter_count = parameter_count};
    UM_TRY(make_name(grid, name, &model->name, error));
    const size_t number = grid->model_count++;
    grid->lines[grid->line_count++] = (um_sweep_line){.model = number};
    for (size_t i = 0; !is_causal && i < grid->axes.share_count; i++) {
        grid->lines[grid->line_count++] =
            (um_sweep_line){.model = number, .steps = grid->axes.shares[i]};
    }
    return UM_OK;
}

void um_sweep_grid_free(um_sweep_grid *grid) {
    for (size_t i = 0; i < grid->model_count; i++) {
        free(grid->models[i].name);
    }
    *grid = (um_sweep_grid){0};
}

/* ---- Points -------------------------------------------------------------------------- */

size_t um_sweep_point_count(const um_sweep_grid *grid) {
    return grid->line_count * grid->axes.temperatures.count;
}

const um_sweep_line *um_sweep_line_at(const um_sweep_grid *grid, size_t point) {
    return &grid->lines[point / grid->axes.temperatures.count];
}

double um_sweep_temperature_at(const um_sweep_grid *grid, size_t point) {
    return grid->axes.temperatures.values[point % grid->axes.temperatures.count];
}

size_t um_sweep_samples_at(const um_sweep_grid *grid, size_t point, size_t samples) {
    return um_sweep_temperature_at(grid, point) == 0 ? 1 : samples;
}

void um_sweep_describe_line(const um_sweep_grid *grid, const um_sweep_line *line, char *text,
                            size_t text_size) {
    char share[UM_STEP_SHARE_TEXT];
    um_step_share_format(line->steps, share);
    if (!um_step_share_is_set(line->steps)) {
        (void)snprintf(text, text_size, "%s", grid->models[line->model].algorithm);
    } else if (line->steps.part == line->steps.whole) {
        (void)snprintf(text, text_size, "all steps");
    } else {
        (void)snprintf(text, text_size, "%s of the steps", share);
    }
}

um_status um_sweep_point_name(const um_sweep_grid *grid, size_t point, char *name, size_t name_size,
                              um_error *error) {
    const um_sweep_line *line = um_sweep_line_at(grid, point);
    char way[2 * UM_STEP_SHARE_TEXT] = "default";
    if (um_step_share_is_set(line->steps)) {
        const bool all = line->steps.part == line->steps.whole;
        (void)snprintf(way, sizeof way, all ? "steps-%zu" : "steps-%zu-%zu", line->steps.part,
                       line->steps.whole);
    }
    const int length = snprintf(name, name_size, "%s.%s.t%.9g", grid->models[line->model].name, way,
                                um_sweep_temperature_at(grid, point));
    return length > 0 && (size_t)length < name_size
               ? UM_OK
               : UM_RAISE(error, UM_ERR_LIMIT, "%.60s...: the name of the model is too long",
                          grid->models[line->model].name);
}
