#include "analysis/order_figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/order_maps.h"
#include "base/memory.h"
#include "page/svg_plot.h"

#define CURVES (2 * UM_ORDER_SETS)
#define PLOT_COLUMNS 512
#define TEMPERATURE_CURVES 4

static const struct {
    const char *name;
    const char *title;
    const char *note;
} kinds[] = {
    [UM_FIGURE_LOCAL] = {"local_ar_ness", "Local AR-ness",
                         "how often a token follows directly on the k committed just before"},
    [UM_FIGURE_GLOBAL] = {"global_ar_ness", "Global AR-ness",
                          "how often it is one of the k leftmost masked positions"},
    [UM_FIGURE_TEMPERATURE] = {"temperature_ar_ness", "AR-ness over temperature",
                               "at k = 1 and k = 4"},
    [UM_FIGURE_DISTINCT] = {"temperature_distinct", "Distinct answers over temperature",
                            "as a share of the samples of a prompt"},
    [UM_FIGURE_CONFIDENCE] = {"first_step_confidence", "Confidence before the first step",
                              "probability of the token that would be taken, while all is masked"},
    [UM_FIGURE_ENTROPY] = {"first_step_entropy", "Entropy before the first step",
                           "of the distribution over tokens, while all is masked"},
    [UM_FIGURE_RELATIVE] = {"order_relative", "When which part is decided",
                            "dashed: strictly from left to right"},
    [UM_FIGURE_ABSOLUTE] = {"order_absolute", "When which position is decided",
                            "dashed: strictly from left to right"},
};

/* ---- Which figures there are ------------------------------------------------------ */

static size_t count_temperatures(const um_order_study *study) {
    size_t count = 0;
    for (size_t i = 0; i < study->count; i++) {
        count += study->summaries[i].set->has_temperature ? 1 : 0;
    }
    return count;
}

static bool has_figure(const um_order_study *study, um_order_figure_kind kind) {
    bool profile = false;
    bool distinct = false;
    for (size_t i = 0; i < study->count; i++) {
        profile = profile || study->summaries[i].with_profile > 0;
        distinct = distinct || isfinite(study->summaries[i].distinct.mean);
    }
    switch (kind) {
        case UM_FIGURE_TEMPERATURE:
            return count_temperatures(study) > 1;
        case UM_FIGURE_DISTINCT:
            return count_temperatures(study) > 1 && distinct;
        case UM_FIGURE_CONFIDENCE:
        case UM_FIGURE_ENTROPY:
            return profile;
        default:
            return true;
    }
}

bool um_order_figure_at(const um_order_study *study, size_t index, um_order_figure *figure) {
    size_t at = 0;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        const size_t sets = kind >= UM_FIGURE_RELATIVE ? study->count : 1;
        for (size_t set = 0; set < sets && has_figure(study, (um_order_figure_kind)kind); set++) {
            if (at++ == index) {
                *figure = (um_order_figure){(um_order_figure_kind)kind, set, kinds[kind].name,
                                            kinds[kind].title, kinds[kind].note};
                return true;
            }
        }
    }
    return false;
}

/* ---- Curves ------------------------------------------------------------------------- */

static const char *const set_styles[UM_ORDER_COLOURS] = {
    "line c0", "line c1", "line c2", "line c3", "line c4", "line c5", "line c6", "line c7"};
static const char *const more_styles[UM_ORDER_COLOURS] = {
    "line more c0", "line more c1", "line more c2", "line more c3",
    "line more c4", "line more c5", "line more c6", "line more c7"};

static const char *const random_styles[UM_ORDER_COLOURS] = {"chance c0", "chance c1", "chance c2",
                                                            "chance c3", "chance c4", "chance c5",
                                                            "chance c6", "chance c7"};

static const char *style_of_set(size_t set) {
    return set < UM_ORDER_COLOURS ? set_styles[set] : more_styles[set % UM_ORDER_COLOURS];
}

/* Curves of a figure with the numbers that they point to. */
typedef struct curves {
    um_plot_curve list[CURVES];
    char labels[CURVES][UM_ORDER_LABEL];
    double *numbers[CURVES]; /* x, mean, low and high, `points` each */
    size_t count;
} curves;

static void free_curves(curves *made) {
    for (size_t i = 0; i < made->count; i++) {
        free(made->numbers[i]);
    }
}

/* A curve of `points` points, to be filled in by set_point. */
static um_status add_curve(curves *made, const char *style, size_t points, um_error *error) {
    double *numbers = NULL;
    UM_TRY(um_allocate(&numbers, points, 4 * sizeof *numbers, "curve", error));
    const size_t at = made->count++;
    made->numbers[at] = numbers;
    made->list[at] = (um_plot_curve){.x = numbers,
                                     .y = numbers + points,
                                     .low = numbers + 2 * points,
                                     .high = numbers + 3 * points,
                                     .count = points,
                                     .style = style,
                                     .label = made->labels[at],
                                     .group = at,
                                     .marked = true};
    return UM_OK;
}

static void set_point(const curves *made, size_t point, double x, const um_interval *interval) {
    const size_t at = made->count - 1;
    const size_t points = made->list[at].count;
    double *numbers = made->numbers[at];
    numbers[point] = x;
    numbers[points + point] = interval->mean;
    numbers[2 * points + point] = interval->low;
    numbers[3 * points + point] = interval->high;
}

/* What a random order of the set's own answers gives: much in short answers. */
static um_status add_random_order(const um_order_study *study, size_t set, bool is_global,
                                  curves *made, um_error *error) {
    const um_order_summary *summary = &study->summaries[set];
    const char *style = study->count == 1 ? "random" : random_styles[set % UM_ORDER_COLOURS];
    UM_TRY(add_curve(made, style, UM_AR_NESS_MAXIMUM, error));
    for (size_t k = 0; k < UM_AR_NESS_MAXIMUM; k++) {
        const um_interval expected = {.mean = is_global ? summary->random_global[k]
                                                        : summary->random_local[k],
                                      .low = (double)NAN,
                                      .high = (double)NAN};
        set_point(made, k, (double)(k + 1), &expected);
    }
    made->list[made->count - 1].marked = false;
    return UM_OK;
}

/* The curves of all sets, then those of random orders. */
static um_status add_ar_ness(const um_order_study *study, bool is_global, curves *made,
                             um_error *error) {
    const size_t reading = um_ar_ness_default(is_global);
    for (size_t i = 0; i < study->count; i++) {
        const um_order_summary *summary = &study->summaries[i];
        UM_TRY(add_curve(made, style_of_set(i), UM_AR_NESS_MAXIMUM, error));
        for (size_t k = 0; k < UM_AR_NESS_MAXIMUM; k++) {
            set_point(made, k, (double)(k + 1), &summary->ar_ness[reading][k]);
        }
    }
    for (size_t i = 0; i < study->count; i++) {
        UM_TRY(add_random_order(study, i, is_global, made, error));
    }
    return UM_OK;
}

static um_status add_profile(const um_order_study *study, bool entropy, curves *made,
                             um_error *error) {
    for (size_t i = 0; i < study->count; i++) {
        const um_order_summary *summary = &study->summaries[i];
        UM_TRY(add_curve(made, style_of_set(i), summary->profile_count, error));
        for (size_t p = 0; p < summary->profile_count; p++) {
            set_point(made, p, (double)p, entropy ? &summary->entropy[p] : &summary->confidence[p]);
        }
        made->list[made->count - 1].marked = false;
    }
    return UM_OK;
}

/* ---- Over temperature ----------------------------------------------------------------- */

/* What is drawn over temperature. */
static const struct {
    const char *label;
    bool is_global;
    size_t k;
} temperature_curves[TEMPERATURE_CURVES] = {{"local, k = 1", false, 1},
                                            {"global, k = 1", true, 1},
                                            {"local, k = 4", false, 4},
                                            {"global, k = 4", true, 4}};

/* The sets that have a temperature, by ascending temperature. */
static size_t sort_by_temperature(const um_order_study *study, size_t sorted[UM_ORDER_SETS]) {
    size_t count = 0;
    for (size_t i = 0; i < study->count; i++) {
        if (!study->summaries[i].set->has_temperature) {
            continue;
        }
        size_t at = count++;
        const double temperature = study->summaries[i].set->temperature;
        for (; at > 0 && study->summaries[sorted[at - 1]].set->temperature > temperature; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = i;
    }
    return count;
}

static um_status add_over_temperature(const um_order_study *study, bool distinct, curves *made,
                                      um_error *error) {
    size_t sorted[UM_ORDER_SETS];
    const size_t points = sort_by_temperature(study, sorted);
    for (size_t i = 0; i < (distinct ? 1 : TEMPERATURE_CURVES); i++) {
        const size_t reading = um_ar_ness_default(temperature_curves[i].is_global);
        UM_TRY(add_curve(made, style_of_set(i), points, error));
        for (size_t p = 0; p < points; p++) {
            const um_order_summary *summary = &study->summaries[sorted[p]];
            set_point(made, p, summary->set->temperature,
                      distinct ? &summary->distinct
                               : &summary->ar_ness[reading][temperature_curves[i].k - 1]);
        }
    }
    return UM_OK;
}

/* ---- Keys ----------------------------------------------------------------------------- */

static bool is_over_k(const um_order_figure *figure) {
    return figure->kind == UM_FIGURE_LOCAL || figure->kind == UM_FIGURE_GLOBAL;
}

bool um_order_figure_key(const um_order_study *study, const um_order_figure *figure, size_t index,
                         const char **style, char *label) {
    const bool over_k = is_over_k(figure);
    const bool profile = figure->kind == UM_FIGURE_CONFIDENCE || figure->kind == UM_FIGURE_ENTROPY;
    if (figure->kind == UM_FIGURE_TEMPERATURE && index < TEMPERATURE_CURVES) {
        *style = style_of_set(index);
        (void)snprintf(label, UM_ORDER_LABEL, "%s", temperature_curves[index].label);
        return true;
    }
    if ((over_k || profile) && index < study->count) {
        *style = style_of_set(index);
        (void)snprintf(label, UM_ORDER_LABEL, "%.*s", UM_ORDER_LABEL - 8,
                       study->summaries[index].set->label);
        return true;
    }
    if (over_k && index == study->count) {
        *style = "random";
        (void)snprintf(label, UM_ORDER_LABEL, "%s",
                       study->count == 1 ? "random order" : "random order of each");
        return true;
    }
    return false;
}

/* ---- Drawing -------------------------------------------------------------------------- */

static um_status fill_curves(const um_order_study *study, const um_order_figure *figure,
                             curves *made, um_error *error) {
    switch (figure->kind) {
        case UM_FIGURE_LOCAL:
        case UM_FIGURE_GLOBAL:
            return add_ar_ness(study, figure->kind == UM_FIGURE_GLOBAL, made, error);
        case UM_FIGURE_CONFIDENCE:
        case UM_FIGURE_ENTROPY:
            return add_profile(study, figure->kind == UM_FIGURE_ENTROPY, made, error);
        default:
            return add_over_temperature(study, figure->kind == UM_FIGURE_DISTINCT, made, error);
    }
}

/* What a value is called when it is read off; `label` [UM_ORDER_LABEL]. */
static void label_curve(const um_order_study *study, const um_order_figure *figure, size_t index,
                        char *label) {
    const bool over_k = is_over_k(figure);
    const char *style = NULL;
    if (over_k && study->count > 1 && index >= study->count) {
        (void)snprintf(label, UM_ORDER_LABEL, "random order: %.*s", UM_ORDER_LABEL - 24,
                       study->summaries[index - study->count].set->label);
    } else if (!um_order_figure_key(study, figure, index, &style, label)) {
        (void)snprintf(label, UM_ORDER_LABEL, "distinct answers");
    }
}

static um_status draw_curves(const um_order_study *study, const um_order_figure *figure,
                             curves *made, um_buffer *page, um_error *error) {
    const bool over_k = is_over_k(figure);
    const bool profile = figure->kind == UM_FIGURE_CONFIDENCE || figure->kind == UM_FIGURE_ENTROPY;
    const char *x = over_k ? "k" : profile ? "position" : "temperature";
    UM_TRY(fill_curves(study, figure, made, error));
    for (size_t i = 0; i < made->count; i++) {
        label_curve(study, figure, i, made->labels[i]);
    }
    const um_plot plot = {.title = figure->title,
                          .x_name = profile ? "position in the answer" : x,
                          .y_name = figure->kind == UM_FIGURE_ENTROPY ? "nats" : "",
                          .curves = made->list,
                          .curve_count = made->count,
                          .y_last = figure->kind == UM_FIGURE_ENTROPY ? 0 : 1,
                          .has_fractions = !over_k && !profile,
                          .x_read = x,
                          .columns = PLOT_COLUMNS,
                          .starts_at_zero = true};
    return um_svg_plot(&plot, page, error);
}

um_status um_order_figure_put(const um_order_study *study, const um_order_figure *figure,
                              um_buffer *page, um_error *error) {
    const um_order_summary *summary = &study->summaries[figure->set];
    if (figure->kind == UM_FIGURE_RELATIVE) {
        return um_order_put_relative(summary, figure->title, page, error);
    }
    if (figure->kind == UM_FIGURE_ABSOLUTE) {
        return um_order_put_absolute(summary, figure->title, page, error);
    }
    curves made = {0};
    const um_status status = draw_curves(study, figure, &made, page, error);
    free_curves(&made);
    return status;
}
