/* A study of decoding orders as an HTML page. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/order_figures.h"
#include "analysis/order_style.h"
#include "page/html.h"
#include "page/page_style.h"

#define CELL 48

/* ---- Tables --------------------------------------------------------------------- */

static um_status put_number(double value, const char *format, um_buffer *page, um_error *error) {
    if (!isfinite(value)) {
        return um_buffer_append_text(page, "-", error);
    }
    char text[CELL];
    (void)snprintf(text, sizeof text, strcmp(format, "rate") == 0 ? "%.4f" : "%.2f", value);
    return um_buffer_append_text(page, text, error);
}

static um_status put_interval(const um_interval *interval, const char *format, um_buffer *page,
                              um_error *error) {
    UM_TRY(um_buffer_append_text(page, "<td class=\"number\">", error));
    UM_TRY(put_number(interval->mean, format, page, error));
    if (isfinite(interval->mean) && isfinite(interval->low)) {
        UM_TRY(um_buffer_append_text(page, "<span class=\"range\">", error));
        UM_TRY(put_number(interval->low, format, page, error));
        UM_TRY(um_buffer_append_text(page, " to ", error));
        UM_TRY(put_number(interval->high, format, page, error));
        UM_TRY(um_buffer_append_text(page, "</span>", error));
    }
    return um_buffer_append_text(page, "</td>", error);
}

static um_status put_set_name(const um_order_study *study, size_t set, um_buffer *page,
                              um_error *error) {
    const char *label = study->summaries[set].set->label;
    UM_TRY(um_buffer_append_format(page, error, "<span class=\"swatch c%zu\"></span>",
                                   set % UM_ORDER_COLOURS));
    return um_html_text(page, label, strlen(label), error);
}

static um_status put_facts_row(const um_order_study *study, size_t set, um_buffer *page,
                               um_error *error) {
    const um_order_summary *summary = &study->summaries[set];
    UM_TRY(um_buffer_append_text(page, "<tr><th>", error));
    UM_TRY(put_set_name(study, set, page, error));
    UM_TRY(um_buffer_append_format(page, error,
                                   "</th><td class=\"number\">%zu</td><td class=\"number\">%zu</td>"
                                   "<td class=\"number\">%zu</td>",
                                   summary->set->count, summary->prompts, summary->commits));
    UM_TRY(put_interval(&summary->steps, "", page, error));
    UM_TRY(put_interval(&summary->commits_per_step, "", page, error));
    UM_TRY(put_interval(&summary->distinct, "", page, error));
    for (int i = 0; i < 2; i++) {
        const um_interval *intervals = summary->ar_ness[um_ar_ness_default(i == 1)];
        UM_TRY(put_interval(&intervals[0], "rate", page, error));
        UM_TRY(put_interval(&intervals[3], "rate", page, error));
    }
    return um_buffer_append_text(page, "</tr>\n", error);
}

static um_status put_facts(const um_order_study *study, um_buffer *page, um_error *error) {
    UM_TRY(um_buffer_append_text(
        page,
        "<div class=\"wide\"><table class=\"facts\"><thead><tr><th></th><th>traces</th>"
        "<th>prompts</th><th>tokens</th><th>steps</th><th>tokens a step</th>"
        "<th>distinct answers</th><th>local, k = 1</th><th>k = 4</th><th>global, k = 1</th>"
        "<th>k = 4</th></tr></thead><tbody>\n",
        error));
    for (size_t i = 0; i < study->count; i++) {
        UM_TRY(put_facts_row(study, i, page, error));
    }
    return um_buffer_append_text(page, "</tbody></table></div>\n", error);
}

/* Write the name of a reading; false if the reading says nothing of its own. */
static bool name_reading(const um_order_summary *summary, size_t index, char *name, size_t size) {
    const um_ar_ness_reading reading = um_ar_ness_reading_at(index);
    const char *ties = um_commit_ties_name(reading.ties);
    if (reading.ties != UM_TIES_BY_CONFIDENCE && summary->several == 0) {
        return false;
    }
    const char *mark = index == um_ar_ness_default(reading.is_global) ? " (shown above)" : "";
    if (reading.is_global) {
        (void)snprintf(name, size, "global; by %s%s", ties, mark);
    } else {
        (void)snprintf(name, size, "local; %s; first k %s; by %s%s",
                       um_ar_ness_pattern_name(reading.pattern),
                       um_ar_ness_start_name(reading.start), ties, mark);
    }
    return true;
}

static um_status put_set_readings(const um_order_study *study, size_t set, um_buffer *page,
                                  um_error *error) {
    const um_order_summary *summary = &study->summaries[set];
    UM_TRY(um_buffer_append_text(page, "<tr class=\"section\"><th colspan=\"10\">", error));
    UM_TRY(put_set_name(study, set, page, error));
    UM_TRY(um_buffer_append_text(page, "</th></tr>\n", error));
    for (size_t i = 0; i < UM_AR_NESS_READINGS; i++) {
        char name[96];
        if (!name_reading(summary, i, name, sizeof name)) {
            continue;
        }
        UM_TRY(um_buffer_append_text(page, "<tr>", error));
        UM_TRY(um_html_element(page, "th", NULL, name, error));
        for (size_t k = 0; k < UM_AR_NESS_MAXIMUM; k++) {
            UM_TRY(put_interval(&summary->ar_ness[i][k], "rate", page, error));
        }
        UM_TRY(um_buffer_append_text(page, "</tr>\n", error));
    }
    return UM_OK;
}

static um_status put_readings(const um_order_study *study, um_buffer *page, um_error *error) {
    UM_TRY(um_buffer_append_text(page,
                                 "<details><summary>All readings of AR-ness, k = 1 to 9</summary>\n"
                                 "<div class=\"wide\"><table><thead><tr><th></th>",
                                 error));
    for (size_t k = 1; k <= UM_AR_NESS_MAXIMUM; k++) {
        UM_TRY(um_buffer_append_format(page, error, "<th>k = %zu</th>", k));
    }
    UM_TRY(um_buffer_append_text(page, "</tr></thead><tbody>\n", error));
    for (size_t i = 0; i < study->count; i++) {
        UM_TRY(put_set_readings(study, i, page, error));
    }
    return um_buffer_append_text(page, "</tbody></table></div></details>\n", error);
}

/* ---- Figures ---------------------------------------------------------------------- */

static um_status put_key(const um_order_study *study, const um_order_figure *figure,
                         um_buffer *page, um_error *error) {
    const char *style = NULL;
    char label[UM_ORDER_LABEL];
    if (study->count == 1 && figure->kind >= UM_FIGURE_CONFIDENCE) {
        return UM_OK;
    }
    UM_TRY(um_buffer_append_text(page, "<span class=\"key\">", error));
    for (size_t i = 0; um_order_figure_key(study, figure, i, &style, label); i++) {
        UM_TRY(
            um_buffer_append_format(page, error, "<span><span class=\"swatch %s\"></span>", style));
        UM_TRY(um_html_text(page, label, strlen(label), error));
        UM_TRY(um_buffer_append_text(page, "</span>", error));
    }
    return um_buffer_append_text(page, "</span>", error);
}

static um_status put_figure(const um_order_study *study, const um_order_figure *figure,
                            um_buffer *page, um_error *error) {
    const bool is_map = figure->kind >= UM_FIGURE_RELATIVE;
    const char *set = study->summaries[figure->set].set->label;
    UM_TRY(um_buffer_append_format(page, error, "<figure><figcaption><b>%s", figure->title));
    if (is_map && study->count > 1) {
        UM_TRY(um_buffer_append_text(page, ": ", error));
        UM_TRY(um_html_text(page, set, strlen(set), error));
    }
    UM_TRY(um_buffer_append_text(page, "</b>", error));
    UM_TRY(um_html_element(page, "span", "note", figure->note, error));
    UM_TRY(put_key(study, figure, page, error));
    UM_TRY(um_buffer_append_text(page, "</figcaption>\n", error));
    UM_TRY(um_order_figure_put(study, figure, page, error));
    return um_buffer_append_text(page, "</figure>\n", error);
}

static um_status put_figures(const um_order_study *study, bool maps, um_buffer *page,
                             um_error *error) {
    um_order_figure figure;
    UM_TRY(um_buffer_append_text(
        page, maps ? "<div class=\"charts maps\">\n" : "<div class=\"charts\">\n", error));
    for (size_t i = 0; um_order_figure_at(study, i, &figure); i++) {
        if ((figure.kind >= UM_FIGURE_RELATIVE) == maps) {
            UM_TRY(put_figure(study, &figure, page, error));
        }
    }
    return um_buffer_append_text(page, "</div>\n", error);
}

/* ---- The page ---------------------------------------------------------------------- */

static um_status put_notes(const um_order_study *study, um_buffer *page, um_error *error) {
    bool profile = false;
    bool until_end = false;
    for (size_t i = 0; i < study->count; i++) {
        profile = profile || study->summaries[i].with_profile > 0;
        until_end = until_end || study->summaries[i].set->until_end;
    }
    UM_TRY(um_buffer_append_text(page,
                                 until_end ? "<p class=\"note\">Answers count up to their end "
                                             "token; single runs are shown whole.</p>\n"
                                           : "",
                                 error));
    if (!profile) {
        UM_TRY(um_buffer_append_text(
            page,
            "<p class=\"note\">The traces do not tell how sure the model was before the first "
            "step, so that this profile is missing (docs/TRACE.md: first_step).</p>\n",
            error));
    }
    return um_buffer_append_format(
        page, error,
        "<p class=\"note\">Means over traces; bands and ranges hold the mean with %g%% "
        "(bootstrap, %d samples of the prompts). Several tokens of one step count as committed "
        "one after the other, the surest first. Dotted: the expectation for a random order of "
        "the same answers.</p>\n",
        100 * UM_BOOTSTRAP_LEVEL, UM_BOOTSTRAP_RESAMPLES);
}

static um_status put_body(const um_order_study *study, um_buffer *page, um_error *error) {
    UM_TRY(um_buffer_append_text(page, "<style>\n", error));
    UM_TRY(um_order_page_style(page, error));
    UM_TRY(um_buffer_append_text(page, study->players.style ? study->players.style : "", error));
    UM_TRY(um_buffer_append_text(page, "</style>\n<main>\n<h1>In which order it writes</h1>\n",
                                 error));
    UM_TRY(put_facts(study, page, error));
    UM_TRY(put_figures(study, false, page, error));
    UM_TRY(put_notes(study, page, error));
    UM_TRY(um_buffer_append_text(page, "<h2>Position by step</h2>\n", error));
    UM_TRY(put_figures(study, true, page, error));
    if (study->players.html && *study->players.html) {
        UM_TRY(um_buffer_append_text(page, "<h2>Single runs</h2>\n", error));
        UM_TRY(um_buffer_append_text(page, study->players.html, error));
    }
    UM_TRY(um_buffer_append_text(page, "<h2>Numbers</h2>\n", error));
    UM_TRY(put_readings(study, page, error));
    return um_buffer_append_text(page, "</main>\n", error);
}

um_status um_order_page(const um_order_study *study, um_buffer *page, um_error *error) {
    char title[128];
    (void)snprintf(title, sizeof title, "Decoding order: %.100s", study->title);
    const um_html_page parts = {
        .title = title,
        .style = um_page_style,
        .scripts = {{um_page_script, um_page_script_sha256}, study->players.script}};
    UM_TRY(um_html_begin(page, &parts, error));
    UM_TRY(put_body(study, page, error));
    return um_html_end(page, &parts, error);
}
