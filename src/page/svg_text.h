/* Text in an SVG picture. */
#ifndef UM_PAGE_SVG_TEXT_H
#define UM_PAGE_SVG_TEXT_H

#include "base/buffer.h"

/* Append a text element of the class `kind`; `anchor` says whether (x, y) is its "start", "middle"
 * or "end".  `text` may be any text. */
um_status um_svg_text(um_buffer *page, const char *kind, double x, double y, const char *anchor,
                      const char *text, um_error *error);

#endif
