/* How far a sweep is, and how long the rest takes. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "cli/sweep/sweep.h"

static size_t line_of(const um_sweep_progress *progress, size_t point) {
    return point / progress->grid->axes.temperatures.count;
}

void um_sweep_progress_start(um_sweep_progress *progress, const um_sweep_grid *grid,
                             size_t problems, size_t samples, bool shown) {
    *progress = (um_sweep_progress){.grid = grid, .bar = um_progress_bar_start("")};
    progress->bar.what = progress->what;
    progress->bar.unit = "samples";
    progress->bar.terminal = progress->bar.terminal && shown;
    for (size_t i = 0; i < um_sweep_point_count(grid); i++) {
        const size_t wanted = problems * um_sweep_samples_at(grid, i, samples);
        progress->total += wanted;
        progress->left[line_of(progress, i)] += wanted;
    }
}

void um_sweep_progress_begin_point(um_sweep_progress *progress, size_t point,
                                   size_t point_samples) {
    char decoding[64];
    const um_sweep_line *line = um_sweep_line_at(progress->grid, point);
    um_sweep_describe_line(progress->grid, line, decoding, sizeof decoding);
    (void)snprintf(progress->what, sizeof progress->what, "%zu of %zu: %.40s, %s, t %g", point + 1,
                   um_sweep_point_count(progress->grid), progress->grid->models[line->model].name,
                   decoding, um_sweep_temperature_at(progress->grid, point));
    progress->point = point;
    progress->point_samples = point_samples;
    progress->point_made = 0;
    progress->left[line_of(progress, point)] -= point_samples;
    progress->point_start = um_clock_seconds();
}

void um_sweep_progress_end_point(um_sweep_progress *progress) {
    const size_t line = line_of(progress, progress->point);
    if (progress->point_made > 0) {
        progress->timed[line] += progress->point_made;
        progress->seconds[line] += um_clock_seconds() - progress->point_start;
    }
    progress->done += progress->point_samples;
    progress->point_samples = 0;
    progress->point_made = 0;
}

/* ---- Time left ------------------------------------------------------------------------- */

/* Seconds a sample of a line, with the current point until `now`; NAN if it has no samples yet. */
static double pace_of(const um_sweep_progress *progress, size_t line, double now) {
    const bool is_at_work = line == line_of(progress, progress->point) && progress->point_made > 0;
    const size_t made = progress->timed[line] + (is_at_work ? progress->point_made : 0);
    const double seconds = progress->seconds[line] + (is_at_work ? now - progress->point_start : 0);
    return made > 0 ? seconds / (double)made : (double)NAN;
}

/* The pace of a line that has not begun: that of another budget of its model, scaled by the steps;
 * else the mean of all. */
static double expected_pace(const um_sweep_progress *progress, size_t line, double now) {
    const um_sweep_line *wanted = &progress->grid->lines[line];
    double sum = 0;
    size_t known = 0;
    for (size_t i = 0; i < progress->grid->line_count; i++) {
        const um_sweep_line *other = &progress->grid->lines[i];
        const double pace = pace_of(progress, i, now);
        if (isnan(pace)) {
            continue;
        }
        if (other->model == wanted->model && um_step_share_is_set(other->steps) &&
            um_step_share_is_set(wanted->steps)) {
            return pace * um_step_share_value(wanted->steps) / um_step_share_value(other->steps);
        }
        sum += pace;
        known++;
    }
    return known > 0 ? sum / (double)known : (double)NAN;
}

double um_sweep_progress_left(const um_sweep_progress *progress, double now) {
    const size_t current = line_of(progress, progress->point);
    double seconds = 0;
    for (size_t i = 0; i < progress->grid->line_count; i++) {
        const size_t samples =
            progress->left[i] + (i == current ? progress->point_samples - progress->point_made : 0);
        const double own = pace_of(progress, i, now);
        if (samples > 0) {
            seconds += (double)samples * (isnan(own) ? expected_pace(progress, i, now) : own);
        }
    }
    return seconds;
}

bool um_sweep_progress_watch(void *user, size_t made, size_t wanted) {
    um_sweep_progress *progress = user;
    const size_t kept = progress->point_samples > wanted ? progress->point_samples - wanted : 0;
    if (progress->point_made == 0 && kept > 0) { /* made by an earlier run */
        progress->done += kept;
        progress->point_samples -= kept;
    }
    progress->point_made = made;
    um_progress_bar_show(&progress->bar, progress->done + made, progress->total,
                         um_sweep_progress_left(progress, um_clock_seconds()));
    return !um_cli_interrupted();
}

void um_sweep_progress_end(um_sweep_progress *progress) {
    um_progress_bar_end(&progress->bar);
}
