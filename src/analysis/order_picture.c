/* The figures of a study as SVG files. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/order_figures.h"
#include "analysis/order_style.h"
#include "page/html.h"

#define WIDTH 480
#define PLOT_HEIGHT 250
#define MAP_HEIGHT 430
#define TITLE_HEIGHT 30
#define KEY_LINE 18

static bool is_map(const um_order_figure *figure) {
    return figure->kind == UM_FIGURE_RELATIVE || figure->kind == UM_FIGURE_ABSOLUTE;
}

static size_t count_keys(const um_order_study *study, const um_order_figure *figure) {
    const char *style = NULL;
    char label[UM_ORDER_LABEL];
    size_t count = 0;
    while (um_order_figure_key(study, figure, count, &style, label)) {
        count++;
    }
    return count;
}

static um_status put_key(const um_order_study *study, const um_order_figure *figure, size_t index,
                         double y, um_buffer *picture, um_error *error) {
    const char *style = NULL;
    char label[UM_ORDER_LABEL];
    (void)um_order_figure_key(study, figure, index, &style, label);
    UM_TRY(um_buffer_append_format(picture, error,
                                   "<path class=\"curve %s\" d=\"M54 %.0fh24\"/>"
                                   "<text x=\"86\" y=\"%.0f\">",
                                   style, y - 4, y));
    UM_TRY(um_html_text(picture, label, strlen(label), error));
    return um_buffer_append_text(picture, "</text>\n", error);
}

/* The title, with the set if there are several. */
static um_status put_title(const um_order_study *study, const um_order_figure *figure,
                           um_buffer *picture, um_error *error) {
    const char *set = study->summaries[figure->set].set->label;
    UM_TRY(um_buffer_append_format(picture, error, "<text class=\"title\" x=\"16\" y=\"20\">%s",
                                   figure->title));
    if (is_map(figure) && study->count > 1) {
        UM_TRY(um_buffer_append_text(picture, ": ", error));
        UM_TRY(um_html_text(picture, set, strlen(set), error));
    }
    return um_buffer_append_text(picture, "</text>\n", error);
}

static um_status put_picture(const um_order_study *study, const um_order_figure *figure,
                             um_buffer *picture, um_error *error) {
    const size_t keys = count_keys(study, figure);
    const size_t height = is_map(figure) ? MAP_HEIGHT : PLOT_HEIGHT;
    const size_t whole = TITLE_HEIGHT + height + keys * KEY_LINE + 12;
    UM_TRY(um_buffer_append_format(
        picture, error,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" "
        "viewBox=\"0 0 %d %zu\">\n<style>\n",
        WIDTH, whole, WIDTH, whole));
    UM_TRY(um_order_picture_style(picture, error));
    UM_TRY(um_buffer_append_format(
        picture, error, "</style>\n<rect class=\"ground\" width=\"%d\" height=\"%zu\"/>\n", WIDTH,
        whole));
    UM_TRY(put_title(study, figure, picture, error));
    UM_TRY(um_buffer_append_format(picture, error, "<svg y=\"%d\" width=\"%d\" height=\"%zu\">\n",
                                   TITLE_HEIGHT, WIDTH, height));
    UM_TRY(um_order_figure_put(study, figure, picture, error));
    UM_TRY(um_buffer_append_text(picture, "</svg>\n", error));
    for (size_t i = 0; i < keys; i++) {
        UM_TRY(put_key(study, figure, i, (double)(TITLE_HEIGHT + height + (i + 1) * KEY_LINE),
                       picture, error));
    }
    return um_buffer_append_text(picture, "</svg>\n", error);
}

/* The figure's name, with the number of the set if there are several. */
static void name_file(const um_order_study *study, const um_order_figure *figure, char *name,
                      size_t size) {
    if (is_map(figure) && study->count > 1) {
        (void)snprintf(name, size, "%s_%zu", figure->name, figure->set + 1);
    } else {
        (void)snprintf(name, size, "%s", figure->name);
    }
}

um_status um_order_picture(const um_order_study *study, size_t index, char *name, size_t size,
                           um_buffer *picture, bool *exists, um_error *error) {
    um_order_figure figure;
    *exists = um_order_figure_at(study, index, &figure);
    if (!*exists) {
        return UM_OK;
    }
    name_file(study, &figure, name, size);
    return put_picture(study, &figure, picture, error);
}
