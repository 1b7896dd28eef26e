/* The figures of a study of decoding orders; shared by its files only. */
#ifndef UM_ANALYSIS_ORDER_FIGURES_H
#define UM_ANALYSIS_ORDER_FIGURES_H

#include "analysis/order_study.h"

#define UM_ORDER_COLOURS 8 /* of sets; further sets are dashed */
#define UM_ORDER_LABEL 128

/* The kinds of figures; each has a name for its files, a title, and a note on how to read it. */
typedef enum um_order_figure_kind {
    UM_FIGURE_LOCAL,
    UM_FIGURE_GLOBAL,
    UM_FIGURE_TEMPERATURE,
    UM_FIGURE_DISTINCT,
    UM_FIGURE_CONFIDENCE,
    UM_FIGURE_ENTROPY,
    UM_FIGURE_RELATIVE, /* one for each set, like the next kind */
    UM_FIGURE_ABSOLUTE
} um_order_figure_kind;

typedef struct um_order_figure {
    um_order_figure_kind kind;
    size_t set;
    const char *name;
    const char *title;
    const char *note;
} um_order_figure;

/* Number `index` of the figures that the study has; false past the last. */
bool um_order_figure_at(const um_order_study *study, size_t index, um_order_figure *figure);

/* Append it as an SVG picture for a page. */
um_status um_order_figure_put(const um_order_study *study, const um_order_figure *figure,
                              um_buffer *page, um_error *error);

/* The key to the colours of the curves: entry `index`, its style and its text into
 * label[UM_ORDER_LABEL]; false past the last, and for figures without a key. */
bool um_order_figure_key(const um_order_study *study, const um_order_figure *figure, size_t index,
                         const char **style, char *label);

#endif
