#include "page/heat_map.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "page/html.h"
#include "page/plot_ticks.h"
#include "page/svg_text.h"

#define WIDTH 480.0
#define HEIGHT 430.0
#define LEFT 54.0
#define RIGHT 18.0
#define TOP 24.0
#define BOTTOM 66.0
#define LEVELS 10
#define TICKS 6
#define KEY_WIDTH 140.0
#define KEY_HEIGHT 9.0

#define ACROSS (WIDTH - LEFT - RIGHT)
#define DOWN (HEIGHT - TOP - BOTTOM)

/* ---- Colours ---------------------------------------------------------------- */

typedef struct colour {
    int red, green, blue;
} colour;

/* From low to high, away from the background. */
static const colour anchors[2][4] = {
    {{0xd6, 0xe6, 0xf7}, {0x6b, 0xae, 0xe0}, {0x1f, 0x63, 0xb5}, {0x0b, 0x1f, 0x4d}},
    {{0x1b, 0x2f, 0x4f}, {0x25, 0x67, 0xa8}, {0x5c, 0xb8, 0xe6}, {0xfb, 0xf4, 0xc8}},
};

static int mix(int from, int to, double share) {
    return (int)lround((double)from + (double)(to - from) * share);
}

um_status um_heat_map_style(um_buffer *style, bool dark, um_error *error) {
    for (size_t i = 0; i < LEVELS; i++) {
        const double place = 3.0 * (double)i / (LEVELS - 1);
        const size_t below = place < 2 ? (size_t)place : 2;
        const colour *from = &anchors[dark ? 1 : 0][below];
        const colour *to = from + 1;
        const double share = place - (double)below;
        UM_TRY(um_buffer_append_format(
            style, error, ".h%zu{fill:#%02x%02x%02x}", i, mix(from->red, to->red, share),
            mix(from->green, to->green, share), mix(from->blue, to->blue, share)));
    }
    return um_buffer_append_text(style, "\n", error);
}

/* ---- Picture ------------------------------------------------------------------ */

/* Ticks along both axes: whole numbers if there are enough of them. */
static um_status put_axes(const um_heat_map *map, um_buffer *page, um_error *error) {
    const um_ticks across = um_ticks_linear(0, map->x_last, TICKS);
    const um_ticks down = um_ticks_linear(0, map->y_last, TICKS);
    char text[32];
    UM_TRY(um_buffer_append_format(page, error,
                                   "<path class=\"frame\" d=\"M%.0f %.0fH%.0fV%.0fH%.0fZ\"/>", LEFT,
                                   TOP, LEFT + ACROSS, TOP + DOWN, LEFT));
    for (size_t i = 0; i < across.count; i++) {
        um_ticks_format(&across, i, text, sizeof text);
        UM_TRY(um_svg_text(page, "tick", LEFT + across.at[i] / map->x_last * ACROSS,
                           TOP + DOWN + 16, "middle", text, error));
    }
    for (size_t i = 0; i < down.count; i++) {
        um_ticks_format(&down, i, text, sizeof text);
        UM_TRY(um_svg_text(page, "tick", LEFT - 6, TOP + down.at[i] / map->y_last * DOWN + 4, "end",
                           text, error));
    }
    UM_TRY(um_svg_text(page, "name", LEFT, 13, "start", map->y_name, error));
    return um_svg_text(page, "name", WIDTH - RIGHT, TOP + DOWN + 32, "end", map->x_name, error);
}

static size_t level_of(double value, double largest) {
    const double height = sqrt(value / largest);
    const size_t level = (size_t)(height * LEVELS);
    return level < LEVELS ? level : LEVELS - 1;
}

static um_status put_cell(const um_heat_map *map, size_t row, size_t column, um_buffer *page,
                          um_error *error) {
    const double width = ACROSS / (double)map->columns;
    const double height = DOWN / (double)map->rows;
    return um_buffer_append_format(page, error, "M%.1f %.1fh%.2fv%.2fh-%.2fz",
                                   LEFT + (double)column * width, TOP + (double)row * height,
                                   width + 0.15, height + 0.15, width + 0.15);
}

static um_status put_level(const um_heat_map *map, double largest, size_t level, um_buffer *page,
                           um_error *error) {
    UM_TRY(um_buffer_append_format(page, error, "<path class=\"h%zu\" d=\"", level));
    for (size_t row = 0; row < map->rows; row++) {
        for (size_t column = 0; column < map->columns; column++) {
            const double value = map->cells[row * map->columns + column];
            if (value > 0 && level_of(value, largest) == level) {
                UM_TRY(put_cell(map, row, column, page, error));
            }
        }
    }
    return um_buffer_append_text(page, "\"/>\n", error);
}

static um_status put_key(const um_heat_map *map, double largest, um_buffer *page, um_error *error) {
    const double top = HEIGHT - 16;
    const double width = KEY_WIDTH / LEVELS;
    char text[32];
    for (size_t i = 0; i < LEVELS; i++) {
        UM_TRY(um_buffer_append_format(
            page, error, "<path class=\"h%zu\" d=\"M%.1f %.1fh%.1fv%.1fh-%.1fz\"/>", i,
            LEFT + (double)i * width, top, width + 0.2, KEY_HEIGHT, width + 0.2));
    }
    (void)snprintf(text, sizeof text, "%.3g", largest);
    UM_TRY(um_svg_text(page, "tick", LEFT - 6, top + 9, "end", "0", error));
    UM_TRY(um_svg_text(page, "tick", LEFT + KEY_WIDTH + 6, top + 9, "start", text, error));
    return um_svg_text(page, "name", WIDTH - RIGHT, top + 9, "end", map->unit, error);
}

um_status um_heat_map_put(const um_heat_map *map, um_buffer *page, um_error *error) {
    double largest = 0;
    for (size_t i = 0; i < map->rows * map->columns; i++) {
        largest = fmax(largest, map->cells[i]);
    }
    UM_TRY(um_buffer_append_format(
        page, error, "<svg class=\"map\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"",
        WIDTH, HEIGHT));
    UM_TRY(um_html_text(page, map->title, strlen(map->title), error));
    UM_TRY(um_buffer_append_text(page, "\">", error));
    for (size_t i = 0; i < LEVELS && largest > 0; i++) {
        UM_TRY(put_level(map, largest, i, page, error));
    }
    UM_TRY(put_axes(map, page, error));
    UM_TRY(um_buffer_append_format(page, error,
                                   "<path class=\"diagonal\" d=\"M%.0f %.0fL%.0f %.0f\"/>", LEFT,
                                   TOP, LEFT + ACROSS, TOP + DOWN));
    UM_TRY(put_key(map, largest, page, error));
    return um_buffer_append_text(page, "</svg>\n", error);
}
