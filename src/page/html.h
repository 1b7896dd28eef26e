/* Writing self-contained HTML pages: anything from outside is only ever text. */
#ifndef UM_PAGE_HTML_H
#define UM_PAGE_HTML_H

#include "base/buffer.h"

/* Append `bytes` as text of an element or of a quoted attribute: & < > " ' become references; bytes
 * that are not UTF-8, control characters other than tab and line feed, characters that change the
 * direction of writing, and noncharacters become U+FFFD. */
um_status um_html_text(um_buffer *page, const char *bytes, size_t length, um_error *error);

/* <tag class="name">text</tag>.  `name` may be NULL; tag and name are written as they are. */
um_status um_html_element(um_buffer *page, const char *tag, const char *name, const char *text,
                          um_error *error);

typedef struct um_html_script {
    const char *text;   /* JavaScript, constant text of the program; NULL for none */
    const char *sha256; /* of the text, in base64 */
} um_html_script;

#define UM_HTML_SCRIPTS 2

typedef struct um_html_page {
    const char *title;
    const char *style;                       /* CSS */
    um_html_script scripts[UM_HTML_SCRIPTS]; /* the page runs no others */
} um_html_page;

/* Everything before and after the contents of <body>.  The page may load nothing, from anywhere. */
um_status um_html_begin(um_buffer *page, const um_html_page *parts, um_error *error);
um_status um_html_end(um_buffer *page, const um_html_page *parts, um_error *error);

#endif
