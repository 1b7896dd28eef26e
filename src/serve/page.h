/* The page at the root of the server: the build embeds src/serve/page/playground.html. */
#ifndef UM_SERVE_PAGE_H
#define UM_SERVE_PAGE_H

/* NUL-terminated HTML that needs nothing from elsewhere. */
extern const char um_page_playground[];

#endif
