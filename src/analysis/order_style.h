/* The look of the pages and pictures of a study; shared by its files only. */
#ifndef UM_ANALYSIS_ORDER_STYLE_H
#define UM_ANALYSIS_ORDER_STYLE_H

#include "base/buffer.h"

/* What the page needs beyond um_page_style. */
um_status um_order_page_style(um_buffer *style, um_error *error);

/* The whole style sheet of a stand-alone picture: plain colours, so that programs that know neither
 * variables nor media queries draw the light theme. */
um_status um_order_picture_style(um_buffer *style, um_error *error);

#endif
