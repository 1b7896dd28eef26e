#include "page/svg_text.h"

#include <string.h>

#include "page/html.h"

um_status um_svg_text(um_buffer *page, const char *kind, double x, double y, const char *anchor,
                      const char *text, um_error *error) {
    UM_TRY(um_buffer_append_format(page, error,
                                   "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">",
                                   kind, x, y, anchor));
    UM_TRY(um_html_text(page, text, strlen(text), error));
    return um_buffer_append_text(page, "</text>", error);
}
