/* A sweep as a self-contained page: the numbers of its JSON, in charts and tables. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "eval/sweep_figures.h"
#include "page/html.h"
#include "page/page_style.h"

#define LABEL 240

/* In addition to the style sheet that all pages share. */
static const char style[] =
    ".band{stroke:none;fill:currentColor;opacity:.1}\n"
    ".band.bar{stroke:currentColor;stroke-width:2;opacity:.45}\n"
    ".link{stroke:var(--dim);stroke-width:1;stroke-dasharray:3 3}\n"
    "@media(min-width:900px){.charts{grid-template-columns:1fr 1fr;max-width:1160px}}\n"
    ".swatch{height:10px;width:10px;border-radius:5px}\n"
    ".lines{display:flex;flex-wrap:wrap;gap:4px 18px;margin:10px 0;position:sticky;top:0;z-index:2;"
    "padding:8px 0;background:var(--ground)}\n"
    "td{min-width:0;white-space:nowrap}.range{display:block;color:var(--dim);font-size:12px}\n"
    "thead th{font-weight:600;white-space:nowrap}\n"
    ".number{text-align:right}.less{color:var(--bad)}.more{color:var(--good)}\n";

/* ---- Small parts ------------------------------------------------------------------------ */

static um_status put_text(const char *text, um_buffer *page, um_error *error) {
    return um_html_text(page, text, strlen(text), error);
}

static um_status put_label(const json_t *report, size_t line, um_buffer *page, um_error *error) {
    char label[LABEL];
    um_sweep_label(report, line, label, sizeof label);
    UM_TRY(um_buffer_append_format(page, error, "<span class=\"swatch c%zu\"></span>",
                                   line % UM_SWEEP_COLOURS));
    return put_text(label, page, error);
}

static um_status put_lines(const json_t *report, um_buffer *page, um_error *error) {
    UM_TRY(um_buffer_append_text(page, "<div class=\"lines\">\n", error));
    for (size_t i = 0; i < json_array_size(json_object_get(report, "lines")); i++) {
        UM_TRY(um_buffer_append_text(page, "<span>", error));
        UM_TRY(put_label(report, i, page, error));
        UM_TRY(um_buffer_append_text(page, "</span>\n", error));
    }
    return um_buffer_append_text(page, "</div>\n", error);
}

static const char *heading_of(const char *format) {
    static const char *const headings[][2] = {{"completion", "Completion"},
                                              {"infilling", "Infilling"},
                                              {"chat", "Chat"},
                                              {"program", "Whole programs"}};
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++) {
        if (strcmp(headings[i][0], format) == 0) {
            return headings[i][1];
        }
    }
    return format;
}

/* ---- Figures ----------------------------------------------------------------------------- */

static um_status begin_figure(const char *title, const char *note, um_buffer *page,
                              um_error *error) {
    UM_TRY(um_buffer_append_text(page, "<figure><figcaption>", error));
    UM_TRY(um_html_element(page, "b", NULL, title, error));
    UM_TRY(um_html_element(page, "span", "note", note, error));
    return um_buffer_append_text(page, "</figcaption>\n", error);
}

static um_status put_rate_figure(const json_t *report, const char *format, size_t k,
                                 um_buffer *page, um_error *error) {
    char title[48];
    (void)snprintf(title, sizeof title, "pass@%zu over temperature", k);
    UM_TRY(begin_figure(title, "", page, error));
    UM_TRY(um_sweep_figure_temperature(report, format, k, page, error));
    return um_buffer_append_text(page, "</figure>\n", error);
}

static um_status put_cost_figure(const json_t *report, const char *format, const char *cost,
                                 const char *name, um_buffer *page, um_error *error) {
    char title[64];
    char note[64];
    const json_t *lowest = json_array_get(json_object_get(report, "temperatures"), 0);
    (void)snprintf(title, sizeof title, "pass@1 over %s", name);
    (void)snprintf(note, sizeof note, "at temperature %g", json_number_value(lowest));
    UM_TRY(begin_figure(title, note, page, error));
    UM_TRY(um_sweep_figure_cost(report, format, cost, name, page, error));
    return um_buffer_append_text(page, "</figure>\n", error);
}

static um_status put_figures(const json_t *report, const char *format, size_t k, um_buffer *page,
                             um_error *error) {
    UM_TRY(um_buffer_append_text(page, "<div class=\"charts\">\n", error));
    UM_TRY(put_rate_figure(report, format, 1, page, error));
    if (k > 1) {
        UM_TRY(put_rate_figure(report, format, k, page, error));
    }
    UM_TRY(
        put_cost_figure(report, format, "forwards_per_answer", "forwards an answer", page, error));
    UM_TRY(put_cost_figure(report, format, "seconds_per_answer", "seconds an answer", page, error));
    return um_buffer_append_text(page, "</div>\n", error);
}

/* ---- Comparisons --------------------------------------------------------------------------- */

/* Below this p a difference may be coloured: the bootstrap alone would find a sign in four problems
 * of which all were won. */
#define SIGNIFICANT 0.05

/* A difference in points: coloured if its interval has one sign and its p is small. */
static um_status put_difference(const json_t *each, um_buffer *page, um_error *error) {
    const json_t *rate = json_object_get(each, "pass@1");
    const double low = 100 * um_sweep_number(rate, "low");
    const double high = 100 * um_sweep_number(rate, "high");
    const double p = um_sweep_number(json_object_get(each, "test"), "p");
    const bool is_clear = p < SIGNIFICANT;
    const char *kind = is_clear && high < 0 ? " less" : is_clear && low > 0 ? " more" : "";
    return um_buffer_append_format(
        page, error,
        "<td class=\"number%s\">%+.1f<span class=\"range\">%+.1f to %+.1f</span>"
        "<span class=\"range\">p = %.2g</span></td>",
        kind, 100 * um_sweep_number(rate, "difference"), low, high, p);
}

static bool is_of(const json_t *each, const char *kind, const char *format) {
    return strcmp(um_json_text(each, "kind"), kind) == 0 &&
           strcmp(um_json_text(each, "format"), format) == 0;
}

static um_status begin_comparison(const json_t *report, const json_t *each, bool is_first,
                                  um_buffer *page, um_error *error) {
    UM_TRY(um_buffer_append_text(page, is_first ? "<tr><th>" : "</tr>\n<tr><th>", error));
    UM_TRY(put_label(report, (size_t)um_sweep_number(each, "second"), page, error));
    UM_TRY(um_buffer_append_text(page, " \xe2\x88\x92 ", error));
    UM_TRY(put_label(report, (size_t)um_sweep_number(each, "first"), page, error));
    return um_buffer_append_text(page, "</th>", error);
}

/* The comparisons of one pair of lines follow one another, temperature by temperature. */
static um_status put_comparison_rows(const json_t *report, const char *kind, const char *format,
                                     um_buffer *page, um_error *error) {
    const json_t *last = NULL;
    const json_t *each = NULL;
    size_t i = 0;
    json_array_foreach (json_object_get(report, "comparisons"), i, each) {
        if (!is_of(each, kind, format)) {
            continue;
        }
        if (!last || !json_equal(json_object_get(last, "first"), json_object_get(each, "first")) ||
            !json_equal(json_object_get(last, "second"), json_object_get(each, "second"))) {
            UM_TRY(begin_comparison(report, each, last == NULL, page, error));
        }
        UM_TRY(put_difference(each, page, error));
        last = each;
    }
    return um_buffer_append_text(page, "</tr>\n", error);
}

static bool has_comparisons(const json_t *report, const char *kind, const char *format) {
    size_t i = 0;
    const json_t *each = NULL;
    json_array_foreach (json_object_get(report, "comparisons"), i, each) {
        if (is_of(each, kind, format)) {
            return true;
        }
    }
    return false;
}

static um_status put_comparisons(const json_t *report, const char *kind, const char *format,
                                 const char *title, um_buffer *page, um_error *error) {
    size_t i = 0;
    const json_t *temperature = NULL;
    if (!has_comparisons(report, kind, format)) {
        return UM_OK;
    }
    UM_TRY(um_html_element(page, "h3", NULL, title, error));
    UM_TRY(um_buffer_append_text(
        page, "\n<div class=\"wide\"><table><thead><tr><th>temperature</th>", error));
    json_array_foreach (json_object_get(report, "temperatures"), i, temperature) {
        UM_TRY(um_buffer_append_format(page, error, "<th class=\"number\">%g</th>",
                                       json_number_value(temperature)));
    }
    UM_TRY(um_buffer_append_text(page, "</tr></thead><tbody>\n", error));
    UM_TRY(put_comparison_rows(report, kind, format, page, error));
    return um_buffer_append_text(page, "</tbody></table></div>\n", error);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static um_status put_number(double value, um_buffer *page, um_error *error) {
    char text[UM_SWEEP_CELL];
    um_sweep_format(value, text);
    return um_buffer_append_format(page, error, "<td class=\"number\">%s</td>", text);
}

static um_status put_rate(const json_t *part, size_t k, um_buffer *page, um_error *error) {
    const um_sweep_rate rate = um_sweep_rate_of(part, k);
    return isfinite(rate.value)
               ? um_buffer_append_format(
                     page, error,
                     "<td class=\"number\">%.1f%%<span class=\"range\">%.1f to %.1f</span></td>",
                     rate.value, rate.low, rate.high)
               : um_buffer_append_text(page, "<td class=\"number\">-</td>", error);
}

static um_status put_point(const json_t *report, size_t line, size_t temperature,
                           const char *format, size_t k, um_buffer *page, um_error *error) {
    const json_t *point = um_sweep_point(report, line, temperature);
    const json_t *part = um_sweep_part(point, format);
    const json_t *cost = json_object_get(part, "cost");
    UM_TRY(um_buffer_append_text(page, "<tr><th>", error));
    UM_TRY(put_label(report, line, page, error));
    UM_TRY(um_buffer_append_format(page, error, "</th><td class=\"number\">%g</td>",
                                   um_sweep_number(point, "temperature")));
    UM_TRY(put_number(um_sweep_number(part, "samples"), page, error));
    UM_TRY(put_rate(part, 1, page, error));
    if (k > 1) {
        UM_TRY(put_rate(part, k, page, error));
    }
    UM_TRY(put_number(um_sweep_number(cost, "forwards_per_answer"), page, error));
    UM_TRY(put_number(um_sweep_number(cost, "tokens_per_answer"), page, error));
    UM_TRY(put_number(um_sweep_number(cost, "seconds_per_answer"), page, error));
    UM_TRY(put_number(um_sweep_number(cost, "tokens_per_second"), page, error));
    return um_buffer_append_text(page, "</tr>\n", error);
}

static um_status put_numbers(const json_t *report, const char *format, size_t k, um_buffer *page,
                             um_error *error) {
    UM_TRY(um_buffer_append_text(
        page,
        "<details><summary>All numbers</summary>\n<div class=\"wide\"><table><thead><tr><th></th>"
        "<th class=\"number\">temperature</th><th class=\"number\">samples</th>"
        "<th class=\"number\">pass@1</th>",
        error));
    if (k > 1) {
        UM_TRY(um_buffer_append_format(page, error, "<th class=\"number\">pass@%zu</th>", k));
    }
    UM_TRY(um_buffer_append_text(
        page,
        "<th class=\"number\">forwards an answer</th><th class=\"number\">tokens an answer</th>"
        "<th class=\"number\">seconds an answer</th><th class=\"number\">tokens a second</th>"
        "</tr></thead><tbody>\n",
        error));
    for (size_t i = 0; i < json_array_size(json_object_get(report, "lines")); i++) {
        for (size_t t = 0; t < json_array_size(json_object_get(report, "temperatures")); t++) {
            UM_TRY(put_point(report, i, t, format, k, page, error));
        }
    }
    return um_buffer_append_text(page, "</tbody></table></div></details>\n", error);
}

/* ---- The page ---------------------------------------------------------------------------- */

static um_status put_format(const json_t *report, const json_t *format, size_t k, um_buffer *page,
                            um_error *error) {
    const char *name = um_json_text(format, "format");
    UM_TRY(um_buffer_append_text(page, "<h2>", error));
    UM_TRY(put_text(heading_of(name), page, error));
    UM_TRY(um_buffer_append_format(page, error, ", %.0f problems</h2>\n",
                                   um_sweep_number(format, "problems")));
    UM_TRY(put_figures(report, name, k, page, error));
    UM_TRY(
        put_comparisons(report, "models", name, "Between models, points of pass@1", page, error));
    UM_TRY(put_comparisons(report, "steps", name, "Fewer steps, points of pass@1", page, error));
    return put_numbers(report, name, k, page, error);
}

/* How each line was decoded, according to its first point. */
static um_status put_decoding(const json_t *report, um_buffer *page, um_error *error) {
    UM_TRY(um_buffer_append_text(page,
                                 "<details><summary>How each was decoded</summary>\n"
                                 "<div class=\"wide\"><table><tbody>\n",
                                 error));
    for (size_t i = 0; i < json_array_size(json_object_get(report, "lines")); i++) {
        UM_TRY(um_buffer_append_text(page, "<tr><th>", error));
        UM_TRY(put_label(report, i, page, error));
        UM_TRY(um_buffer_append_text(page, "</th>", error));
        char *text = json_dumps(json_object_get(um_sweep_point(report, i, 0), "decoding"),
                                JSON_REAL_PRECISION(6));
        const um_status status = um_html_element(page, "td", "options", text ? text : "", error);
        free(text);
        UM_TRY(status);
        UM_TRY(um_buffer_append_text(page, "</tr>\n", error));
    }
    return um_buffer_append_text(page, "</tbody></table></div></details>\n", error);
}

static double samples_of(const json_t *report) {
    double most = 0;
    size_t i = 0;
    const json_t *point = NULL;
    json_array_foreach (json_object_get(report, "points"), i, point) {
        most = fmax(most, um_sweep_number(point, "samples_each"));
    }
    return most;
}

static um_status put_title(const json_t *report, um_buffer *page, um_error *error) {
    size_t i = 0;
    const json_t *model = NULL;
    UM_TRY(um_buffer_append_text(page, "<h1>", error));
    json_array_foreach (json_object_get(report, "models"), i, model) {
        UM_TRY(um_buffer_append_text(page, i > 0 ? " beside " : "", error));
        UM_TRY(put_text(um_json_text(model, "name"), page, error));
    }
    UM_TRY(um_buffer_append_text(page, "</h1>\n<p class=\"note\">", error));
    UM_TRY(put_text(um_json_text(report, "problems_file"), page, error));
    const double samples = samples_of(report);
    const bool has_greedy = um_sweep_number(um_sweep_point(report, 0, 0), "temperature") == 0;
    return um_buffer_append_format(page, error, "; %.0f sample%s of each problem%s</p>\n", samples,
                                   samples == 1 ? "" : "s",
                                   has_greedy && samples > 1 ? ", one at temperature 0" : "");
}

static um_status put_notes(const json_t *report, um_buffer *page, um_error *error) {
    return um_buffer_append_format(
        page, error,
        "<p class=\"note\">Bands and ranges hold the mean with %g%% (bootstrap, %.0f samples of "
        "the problems). Differences are of the same problems, and coloured where their interval "
        "has one sign and p is below 0.05; p is of the exact sign test, and none is corrected for "
        "their number. "
        "Seconds are of decoding, samples side by side.</p>\n",
        95.0, um_sweep_number(report, "bootstrap_resamples"));
}

static um_status put_body(const json_t *report, um_buffer *page, um_error *error) {
    const size_t k = um_sweep_largest_k(report);
    size_t i = 0;
    const json_t *format = NULL;
    UM_TRY(um_buffer_append_format(page, error, "<style>\n%s</style>\n<main>\n", style));
    UM_TRY(put_title(report, page, error));
    UM_TRY(put_lines(report, page, error));
    json_array_foreach (json_object_get(report, "formats"), i, format) {
        UM_TRY(put_format(report, format, k, page, error));
    }
    UM_TRY(put_notes(report, page, error));
    UM_TRY(put_decoding(report, page, error));
    return um_buffer_append_text(page, "</main>\n", error);
}

um_status um_sweep_report_page(const json_t *report, um_buffer *page, um_error *error) {
    const um_html_page parts = {.title = "unmask: sweep",
                                .style = um_page_style,
                                .scripts = {{um_page_script, um_page_script_sha256}}};
    UM_TRY(um_html_begin(page, &parts, error));
    UM_TRY(put_body(report, page, error));
    return um_html_end(page, &parts, error);
}
