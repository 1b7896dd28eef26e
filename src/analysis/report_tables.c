/* The tables of a report: the results of the runs, and what they were told to do. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report_internal.h"
#include "base/memory.h"
#include "base/text.h"

#define VALUE_SIZE 160
#define SECTION_ROWS 200 /* shown at most */

static um_status put_head(const um_report_run *runs, size_t count, um_buffer *page,
                          um_error *error) {
    UM_TRY(um_buffer_append_text(page, "<div class=\"wide\"><table><thead><tr><th></th>", error));
    for (size_t i = 0; i < count; i++) {
        UM_TRY(um_buffer_append_format(page, error, "<th class=\"g%zu\">", i));
        UM_TRY(um_report_put_run_name(runs, i, page, error));
        UM_TRY(um_buffer_append_text(page, "</th>", error));
    }
    return um_buffer_append_text(page, "</tr></thead>\n<tbody>\n", error);
}

static um_status put_cell(size_t run, const char *text, um_buffer *page, um_error *error) {
    char name[32];
    (void)snprintf(name, sizeof name, "g%zu", run);
    return um_html_element(page, "td", name, text, error);
}

static um_status put_tail(um_buffer *page, um_error *error) {
    return um_buffer_append_text(page, "</tbody></table></div>\n", error);
}

/* ---- Final numbers ------------------------------------------------------- */

typedef struct result {
    const um_report_metric *metric;
    const char *kind;
    bool best; /* else last */
} result;

static const um_run_series *series_of(const um_run_log *log, const result *asked) {
    return um_run_log_find(log, asked->kind, asked->metric->name);
}

static double result_of(const um_run_log *log, const result *asked) {
    const um_report_summary summary =
        um_report_summarise(series_of(log, asked), asked->metric->better);
    return asked->best ? summary.best : summary.last;
}

static void format_result(const um_run_log *log, const result *asked, char *text, size_t size) {
    const um_run_series *series = series_of(log, asked);
    const um_report_summary summary = um_report_summarise(series, asked->metric->better);
    um_report_format_of_series(asked->metric, series, asked->best ? summary.best : summary.last,
                               text, size);
    const size_t used = strlen(text);
    if (asked->best && isfinite(summary.best)) {
        (void)snprintf(text + used, size - used, " (step %.0f)", summary.best_at);
    }
}

/* The best value of several runs; NAN if no direction is better, or if all are the same. */
static double winner_of(const um_report_run *runs, size_t count, const result *asked) {
    double winner = NAN;
    double loser = NAN;
    const double sign = asked->metric->better;
    for (size_t i = 0; count > 1 && sign != 0 && i < count; i++) {
        const double value = result_of(runs[i].log, asked);
        winner = isfinite(value) && !(sign * value <= sign * winner) ? value : winner;
        loser = isfinite(value) && !(sign * value >= sign * loser) ? value : loser;
    }
    return winner == loser ? (double)NAN : winner;
}

static bool any_has(const um_report_run *runs, size_t count, const result *asked) {
    for (size_t i = 0; i < count; i++) {
        const um_run_series *series = series_of(runs[i].log, asked);
        if (series && series->count > 0) {
            return true;
        }
    }
    return false;
}

static um_status put_result(const um_report_run *runs, size_t count, const result *asked,
                            um_buffer *page, um_error *error) {
    if (!any_has(runs, count, asked)) {
        return UM_OK;
    }
    char title[VALUE_SIZE];
    const double winner = winner_of(runs, count, asked);
    (void)snprintf(title, sizeof title, "%s%s%s", asked->metric->title,
                   strcmp(asked->kind, "validation") == 0 ? ", validation" : "",
                   asked->best ? ", best" : "");
    UM_TRY(um_buffer_append_text(page, "<tr>", error));
    UM_TRY(um_html_element(page, "th", NULL, title, error));
    for (size_t i = 0; i < count; i++) {
        char text[VALUE_SIZE];
        format_result(runs[i].log, asked, text, sizeof text);
        const bool wins = result_of(runs[i].log, asked) == winner; /* never for NAN */
        UM_TRY(um_buffer_append_format(page, error, "<td class=\"g%zu\">%s", i, wins ? "<b>" : ""));
        UM_TRY(um_html_text(page, text, strlen(text), error));
        UM_TRY(um_buffer_append_text(page, wins ? "</b></td>" : "</td>", error));
    }
    return um_buffer_append_text(page, "</tr>\n", error);
}

static um_status put_states(const um_report_run *runs, size_t count, um_buffer *page,
                            um_error *error) {
    char text[VALUE_SIZE];
    UM_TRY(um_buffer_append_text(page, "<tr><th>State</th>", error));
    for (size_t i = 0; i < count; i++) {
        um_report_state(runs[i].log, text, sizeof text);
        UM_TRY(put_cell(i, text, page, error));
    }
    UM_TRY(um_buffer_append_text(page, "</tr>\n<tr><th>Time of all steps</th>", error));
    for (size_t i = 0; i < count; i++) {
        um_text_of_duration(um_report_step_seconds(runs[i].log), text, sizeof text);
        UM_TRY(put_cell(i, text, page, error));
    }
    return um_buffer_append_text(page, "</tr>\n", error);
}

um_status um_report_put_results(const um_report_run *runs, size_t count, um_buffer *page,
                                um_error *error) {
    UM_TRY(um_buffer_append_text(page, "<h2>Final numbers</h2>\n", error));
    UM_TRY(put_head(runs, count, page, error));
    UM_TRY(put_states(runs, count, page, error));
    for (size_t i = 0; um_report_metric_at(i); i++) {
        const um_report_metric *metric = um_report_metric_at(i);
        const result asked[] = {
            {metric, "validation", false}, {metric, "validation", true}, {metric, "step", false}};
        for (size_t j = 0; !metric->hidden && j < sizeof asked / sizeof *asked; j++) {
            if (!asked[j].best || metric->better != 0) {
                UM_TRY(put_result(runs, count, &asked[j], page, error));
            }
        }
    }
    UM_TRY(put_tail(page, error));
    return um_buffer_append_text(
        page, "<p class=\"note\">Training numbers are means of the last 20 steps.</p>\n", error);
}

/* ---- Recipes ------------------------------------------------------------- */

/* Objects of the "run" line whose members are compared, with their titles. */
static const struct {
    const char *member; /* NULL: the line itself, without the objects in it */
    const char *title;
} sections[] = {{"recipe", "Recipe"},
                {"model", "Model"},
                {"data", "Data"},
                {"machine", "Machine"},
                {NULL, "Run"}};
#define SECTIONS (sizeof sections / sizeof *sections)

static const json_t *section_of(const um_run_log *log, size_t section) {
    const char *member = sections[section].member;
    const json_t *object = member ? json_object_get(log->run, member) : log->run;
    return json_is_object(object) ? object : NULL;
}

/* The member as text, cut if it is long; false if there is none. */
static bool member_text(const um_run_log *log, size_t section, const char *key, char *text,
                        size_t size) {
    const json_t *value = json_object_get(section_of(log, section), key);
    text[0] = '\0';
    if (!value) {
        return false;
    }
    if (json_is_string(value)) {
        (void)snprintf(text, size, "%s", json_string_value(value));
    } else {
        char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(7));
        (void)snprintf(text, size, "%s", dumped ? dumped : "?");
        free(dumped);
    }
    return true;
}

static bool differs(const um_report_run *runs, size_t count, size_t section, const char *key) {
    char first[VALUE_SIZE];
    char other[VALUE_SIZE];
    const bool present = member_text(runs[0].log, section, key, first, sizeof first);
    for (size_t i = 1; i < count; i++) {
        if (member_text(runs[i].log, section, key, other, sizeof other) != present ||
            strcmp(first, other) != 0) {
            return true;
        }
    }
    return false;
}

static um_status put_member(const um_report_run *runs, size_t count, size_t section,
                            const char *key, um_buffer *page, um_error *error) {
    const bool marked = differs(runs, count, section, key);
    UM_TRY(um_buffer_append_text(page, marked ? "<tr class=\"differs\">" : "<tr>", error));
    UM_TRY(um_html_element(page, "th", NULL, key, error));
    for (size_t i = 0; i < count; i++) {
        char text[VALUE_SIZE];
        (void)member_text(runs[i].log, section, key, text, sizeof text);
        UM_TRY(put_cell(i, text, page, error));
    }
    return um_buffer_append_text(page, "</tr>\n", error);
}

/* Whether an earlier run has the key. */
static bool was_seen(const um_report_run *runs, size_t run, size_t section, const char *key) {
    for (size_t i = 0; i < run; i++) {
        if (json_object_get(section_of(runs[i].log, section), key)) {
            return true;
        }
    }
    return false;
}

static bool is_shown(size_t section, const char *key, const json_t *value) {
    static const char *const hidden[] = {"kind", "format", "recipe_id", "steps", "seed"};
    for (size_t i = 0; !sections[section].member && i < sizeof hidden / sizeof *hidden; i++) {
        if (strcmp(key, hidden[i]) == 0) {
            return false;
        }
    }
    return sections[section].member || !json_is_object(value);
}

/* Called for each member of a section that any run has. */
typedef um_status member_visitor(void *user, const char *key, um_error *error);

static um_status each_member(const um_report_run *runs, size_t count, size_t section,
                             member_visitor *visit, void *user, um_error *error) {
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        const char *key = NULL;
        json_t *value = NULL;
        json_object_foreach ((json_t *)(uintptr_t)section_of(runs[i].log, section), key, value) {
            if (rows < SECTION_ROWS && is_shown(section, key, value) &&
                !was_seen(runs, i, section, key)) {
                rows++;
                UM_TRY(visit(user, key, error));
            }
        }
    }
    return UM_OK;
}

typedef struct section_rows {
    const um_report_run *runs;
    size_t count;
    size_t section;
    um_buffer *page;
    bool differs; /* some row does */
    bool any;
} section_rows;

static um_status look_at_member(void *user, const char *key, um_error *error) {
    section_rows *rows = user;
    (void)error;
    rows->any = true;
    rows->differs = rows->differs || differs(rows->runs, rows->count, rows->section, key);
    return UM_OK;
}

static um_status visit_member(void *user, const char *key, um_error *error) {
    const section_rows *rows = user;
    return put_member(rows->runs, rows->count, rows->section, key, rows->page, error);
}

static um_status put_section(const um_report_run *runs, size_t count, size_t section,
                             um_buffer *page, um_error *error) {
    section_rows rows = {.runs = runs, .count = count, .section = section, .page = page};
    UM_TRY(each_member(runs, count, section, look_at_member, &rows, error));
    if (!rows.any) {
        return UM_OK;
    }
    UM_TRY(um_buffer_append_format(
        page, error, "<tr class=\"section%s\"><th colspan=\"%zu\">%s</th></tr>\n",
        rows.differs ? "" : " same", count + 1, sections[section].title));
    return each_member(runs, count, section, visit_member, &rows, error);
}

um_status um_report_put_recipes(const um_report_run *runs, size_t count, um_buffer *page,
                                um_error *error) {
    UM_TRY(um_buffer_append_text(page, "<h2>Recipes</h2>\n", error));
    if (count > 1) {
        UM_TRY(um_buffer_append_text(
            page,
            "<p><label><input type=\"checkbox\" id=\"same\"> show what all runs share, too</label>"
            "</p>\n<div class=\"recipes compared\">\n",
            error));
    } else {
        UM_TRY(um_buffer_append_text(page, "<div class=\"recipes\">\n", error));
    }
    UM_TRY(put_head(runs, count, page, error));
    for (size_t i = 0; i < SECTIONS; i++) {
        UM_TRY(put_section(runs, count, i, page, error));
    }
    UM_TRY(put_tail(page, error));
    return um_buffer_append_text(page, "</div>\n", error);
}
