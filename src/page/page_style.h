/* The look and the behaviour that pages share. */
#ifndef UM_PAGE_PAGE_STYLE_H
#define UM_PAGE_PAGE_STYLE_H

/* The style sheet. */
extern const char um_page_style[];

/* The script that shows the values of a plot (svg_plot.h) under the pointer, and its SHA-256 in
 * base64. */
extern const char um_page_script[];
extern const char um_page_script_sha256[];

#endif
