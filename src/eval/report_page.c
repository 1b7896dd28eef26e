/* The report as a self-contained page: the numbers of the JSON, with their intervals drawn. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "eval/report.h"
#include "page/html.h"

/* The chart's geometry, in its own units. */
#define CHART_WIDTH 640
#define CHART_LEFT 150
#define CHART_RIGHT 20
#define ROW_HEIGHT 26
#define AXIS_HEIGHT 24

static const char style[] =
    ":root{--ground:#fff;--card:#f6f8fa;--text:#1f2328;--dim:#59636e;--line:#d1d9e0;"
    "--good:#1a7f37;--bad:#cf222e;--c0:#0969da}\n"
    "@media(prefers-color-scheme:dark){:root{--ground:#0d1117;--card:#151b23;--text:#e6edf3;"
    "--dim:#9198a1;--line:#3d444d;--good:#3fb950;--bad:#f85149;--c0:#58a6ff}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:20px;max-width:1000px;background:var(--ground);color:var(--text);"
    "font:15px/1.45 system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}\n"
    "h1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:28px 0 8px}.note{color:var(--dim)}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "th,td{text-align:right;padding:4px 10px;border-bottom:1px solid var(--line);"
    "white-space:nowrap}th{color:var(--dim);font-weight:600}"
    "th:first-child,td:first-child{text-align:left}\n"
    ".settings td+td{white-space:normal;overflow-wrap:anywhere;text-align:left}\n"
    ".chart{display:block;width:100%;max-width:760px;height:auto}.chart text{fill:var(--dim);"
    "font-size:12px}.chart .grid{stroke:var(--line)}.chart .span{stroke:var(--c0);stroke-width:3;"
    "stroke-linecap:round;opacity:.55}.chart circle{fill:var(--c0)}\n"
    ".cells{display:flex;flex-wrap:wrap;gap:3px}.cell{width:14px;height:14px;border-radius:3px;"
    "background:var(--bad)}.cell.some{background:linear-gradient(90deg,var(--good) 50%,var(--bad) "
    "50%)}.cell.all{background:var(--good)}\n";

/* "all", or the level and format of a group. */
static void name_part(const json_t *part, char *name, size_t name_size) {
    const char *format = json_string_value(json_object_get(part, "format"));
    const json_int_t level = json_integer_value(json_object_get(part, "level"));
    if (!format) {
        (void)snprintf(name, name_size, "all");
    } else if (level == 0) {
        (void)snprintf(name, name_size, "%s", format);
    } else {
        (void)snprintf(name, name_size, "level %lld, %s", (long long)level, format);
    }
}

/* Group `index`, the last of which is "all"; NULL past it.  A single group is left out. */
static const json_t *part_at(const json_t *report, size_t index) {
    const json_t *groups = json_object_get(report, "groups");
    const size_t count = json_array_size(groups) > 1 ? json_array_size(groups) : 0;
    if (index < count) {
        return json_array_get(groups, index);
    }
    return index == count ? json_object_get(report, "all") : NULL;
}

/* ---- Pass rates ------------------------------------------------------------------- */

static um_status put_rates_head(const json_t *report, um_buffer *page, um_error *error) {
    size_t i = 0;
    const json_t *k = NULL;
    UM_TRY(um_buffer_append_text(page,
                                 "<h2>Solved</h2>\n<div class=\"wide\"><table>\n<tr><th>problems"
                                 "</th><th>number</th><th>samples</th><th>passed</th>",
                                 error));
    json_array_foreach (json_object_get(report, "k"), i, k) {
        UM_TRY(um_buffer_append_format(page, error, "<th>pass@%lld</th>",
                                       (long long)json_integer_value(k)));
    }
    return um_buffer_append_text(page, "</tr>\n", error);
}

static um_status put_rates_row(const json_t *report, const json_t *part, um_buffer *page,
                               um_error *error) {
    char name[64];
    size_t i = 0;
    const json_t *k = NULL;
    name_part(part, name, sizeof name);
    UM_TRY(um_buffer_append_text(page, "<tr>", error));
    UM_TRY(um_html_element(page, "td", NULL, name, error));
    UM_TRY(um_buffer_append_format(
        page, error, "<td>%.0f</td><td>%.0f</td><td>%.0f</td>", um_json_number(part, "problems"),
        um_json_number(part, "samples"), um_json_number(part, "passed")));
    json_array_foreach (json_object_get(report, "k"), i, k) {
        char key[32];
        (void)snprintf(key, sizeof key, "pass@%lld", (long long)json_integer_value(k));
        const json_t *rate = json_object_get(part, key);
        UM_TRY(um_buffer_append_format(
            page, error, "<td>%.1f%% <span class=\"note\">%.1f to %.1f</span></td>",
            100 * um_json_number(rate, "value"), 100 * um_json_number(rate, "low"),
            100 * um_json_number(rate, "high")));
    }
    return um_buffer_append_text(page, "</tr>\n", error);
}

static um_status put_rates(const json_t *report, um_buffer *page, um_error *error) {
    UM_TRY(put_rates_head(report, page, error));
    const json_t *part = NULL;
    for (size_t i = 0; (part = part_at(report, i)) != NULL; i++) {
        UM_TRY(put_rates_row(report, part, page, error));
    }
    return um_buffer_append_text(page, "</table></div>\n", error);
}

/* ---- The chart ---------------------------------------------------------------------- */

static double place_of(double rate) {
    return CHART_LEFT + rate * (CHART_WIDTH - CHART_LEFT - CHART_RIGHT);
}

static um_status put_axis(size_t rows, um_buffer *page, um_error *error) {
    const double bottom = (double)rows * ROW_HEIGHT;
    for (int share = 0; share <= 100; share += 25) {
        const double x = place_of(share / 100.0);
        UM_TRY(um_buffer_append_format(
            page, error,
            "<line class=\"grid\" x1=\"%.1f\" y1=\"0\" x2=\"%.1f\" y2=\"%.1f\"/>"
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%d%%</text>\n",
            x, x, bottom, x, bottom + 16, share));
    }
    return UM_OK;
}

static um_status put_bar(const json_t *part, size_t row, const char *key, um_buffer *page,
                         um_error *error) {
    char name[64];
    const json_t *rate = json_object_get(part, key);
    const double y = ((double)row + 0.5) * ROW_HEIGHT;
    name_part(part, name, sizeof name);
    UM_TRY(um_buffer_append_format(page, error, "<text x=\"0\" y=\"%.1f\">", y + 4));
    UM_TRY(um_html_text(page, name, strlen(name), error));
    return um_buffer_append_format(
        page, error,
        "</text><line class=\"span\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>"
        "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\"><title>%.1f%%, %.1f to %.1f</title></circle>\n",
        place_of(um_json_number(rate, "low")), y, place_of(um_json_number(rate, "high")), y,
        place_of(um_json_number(rate, "value")), y, 100 * um_json_number(rate, "value"),
        100 * um_json_number(rate, "low"), 100 * um_json_number(rate, "high"));
}

/* A chart of pass@k for the first k, over all parts. */
static um_status put_chart(const json_t *report, um_buffer *page, um_error *error) {
    const json_t *k = json_array_get(json_object_get(report, "k"), 0);
    char key[32];
    size_t rows = 0;
    while (part_at(report, rows)) {
        rows++;
    }
    if (!k) {
        return UM_OK;
    }
    (void)snprintf(key, sizeof key, "pass@%lld", (long long)json_integer_value(k));
    UM_TRY(um_buffer_append_format(page, error,
                                   "<p class=\"note\">%s, with the interval of 95%% over "
                                   "problems</p>\n<svg class=\"chart\" viewBox=\"0 0 %d %zu\" "
                                   "role=\"img\" aria-label=\"%s by kind of problem\">\n",
                                   key, CHART_WIDTH, rows * ROW_HEIGHT + AXIS_HEIGHT, key));
    UM_TRY(put_axis(rows, page, error));
    for (size_t i = 0; i < rows; i++) {
        UM_TRY(put_bar(part_at(report, i), i, key, page, error));
    }
    return um_buffer_append_text(page, "</svg>\n", error);
}

/* ---- What else there is to tell ------------------------------------------------------ */

static um_status put_fact(um_buffer *page, const char *name, const char *format, double value,
                          um_error *error) {
    char text[48];
    (void)snprintf(text, sizeof text, format, value);
    UM_TRY(um_buffer_append_text(page, "<tr>", error));
    UM_TRY(um_html_element(page, "td", NULL, name, error));
    UM_TRY(um_html_element(page, "td", NULL, text, error));
    return um_buffer_append_text(page, "</tr>\n", error);
}

static um_status put_cost(const json_t *report, um_buffer *page, um_error *error) {
    const json_t *cost = json_object_get(report, "cost");
    const json_t *seconds = json_object_get(report, "seconds");
    UM_TRY(um_buffer_append_text(page, "<h2>Cost</h2>\n<table>\n", error));
    UM_TRY(put_fact(page, "forwards an answer", "%.1f", um_json_number(cost, "forwards_per_answer"),
                    error));
    UM_TRY(
        put_fact(page, "steps an answer", "%.1f", um_json_number(cost, "steps_per_answer"), error));
    UM_TRY(put_fact(page, "tokens an answer", "%.1f", um_json_number(cost, "tokens_per_answer"),
                    error));
    UM_TRY(put_fact(page, "tokens a forward", "%.2f", um_json_number(cost, "tokens_per_forward"),
                    error));
    UM_TRY(put_fact(page, "tokens a second", "%.1f", um_json_number(cost, "tokens_per_second"),
                    error));
    UM_TRY(
        put_fact(page, "seconds of decoding", "%.1f", um_json_number(seconds, "decoding"), error));
    UM_TRY(put_fact(page, "of which in the layers", "%.1f", um_json_number(seconds, "forward"),
                    error));
    UM_TRY(put_fact(page, "in the output projection", "%.1f", um_json_number(seconds, "projection"),
                    error));
    UM_TRY(put_fact(page, "in the sampler", "%.1f", um_json_number(seconds, "sampler"), error));
    UM_TRY(put_fact(page, "seconds in the sandbox", "%.1f", um_json_number(seconds, "sandbox"),
                    error));
    return um_buffer_append_text(page, "</table>\n", error);
}

static um_status put_verdicts(const json_t *report, um_buffer *page, um_error *error) {
    const char *name = NULL;
    json_t *count = NULL;
    UM_TRY(um_buffer_append_text(page, "<h2>Verdicts</h2>\n<table>\n", error));
    json_object_foreach (json_object_get(report, "verdicts"), name, count) {
        UM_TRY(put_fact(page, name, "%.0f", json_number_value(count), error));
    }
    return um_buffer_append_text(page, "</table>\n", error);
}

/* One cell per problem: none, some or all of its samples pass. */
static um_status put_problems(const json_t *report, um_buffer *page, um_error *error) {
    size_t i = 0;
    const json_t *result = NULL;
    const double each = um_json_number(report, "samples_each");
    UM_TRY(um_buffer_append_text(page, "<h2>Problems</h2>\n<div class=\"cells\">\n", error));
    json_array_foreach (json_object_get(report, "results"), i, result) {
        const double passed = um_json_number(result, "passed");
        const char *kind = passed == 0 ? "" : passed < each ? " some" : " all";
        const char *id = um_json_text(result, "task_id");
        UM_TRY(um_buffer_append_format(page, error, "<div class=\"cell%s\" title=\"", kind));
        UM_TRY(um_html_text(page, id, strlen(id), error));
        UM_TRY(um_buffer_append_format(page, error, ": %.0f of %.0f\"></div>\n", passed, each));
    }
    return um_buffer_append_text(page, "</div>\n", error);
}

static um_status put_setting(const char *name, const json_t *value, um_buffer *page,
                             um_error *error) {
    UM_TRY(um_buffer_append_text(page, "<tr>", error));
    UM_TRY(um_html_element(page, "td", NULL, name, error));
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    const um_status status = um_html_element(page, "td", NULL, text ? text : "", error);
    free(text);
    UM_TRY(status);
    return um_buffer_append_text(page, "</tr>\n", error);
}

static um_status put_settings(const json_t *report, um_buffer *page, um_error *error) {
    const char *name = NULL;
    json_t *value = NULL;
    UM_TRY(um_buffer_append_text(page, "<h2>Settings</h2>\n<table class=\"settings\">\n", error));
    UM_TRY(put_setting("version", json_object_get(report, "version"), page, error));
    UM_TRY(put_setting("sandbox", json_object_get(report, "sandbox"), page, error));
    json_object_foreach (json_object_get(report, "settings"), name, value) {
        UM_TRY(put_setting(name, value, page, error));
    }
    return um_buffer_append_text(page, "</table>\n", error);
}

um_status um_eval_report_page(const json_t *report, um_buffer *page, um_error *error) {
    const um_html_page parts = {.title = "unmask: evaluation", .style = style};
    UM_TRY(um_html_begin(page, &parts, error));
    UM_TRY(um_buffer_append_text(page, "<main>\n<h1>", error));
    const char *model = um_json_text(report, "model");
    UM_TRY(um_html_text(page, model, strlen(model), error));
    UM_TRY(um_buffer_append_text(page, "</h1>\n<p class=\"note\">", error));
    const char *problems = um_json_text(report, "problems_file");
    UM_TRY(um_html_text(page, problems, strlen(problems), error));
    UM_TRY(um_buffer_append_format(page, error, ", %.0f samples of each problem</p>\n",
                                   um_json_number(report, "samples_each")));
    UM_TRY(put_rates(report, page, error));
    UM_TRY(put_chart(report, page, error));
    UM_TRY(put_problems(report, page, error));
    UM_TRY(put_verdicts(report, page, error));
    UM_TRY(put_cost(report, page, error));
    UM_TRY(put_settings(report, page, error));
    UM_TRY(um_buffer_append_text(page, "</main>\n", error));
    return um_html_end(page, &parts, error);
}
