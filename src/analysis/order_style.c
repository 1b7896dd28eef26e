#include "analysis/order_style.h"

#include "page/heat_map.h"

static const char page_style[] =
    ".map{display:block;width:100%;height:auto;max-width:560px}.map text{font-size:12px;"
    "fill:var(--dim)}.frame{fill:none;stroke:var(--line)}\n"
    ".diagonal{stroke:var(--text);stroke-width:1;stroke-dasharray:3 4;opacity:.55}\n"
    ".band{stroke:none;fill:currentColor;opacity:.16}\n"
    ".random{color:var(--dim);stroke:var(--dim);stroke-dasharray:2 4}"
    ".chance{stroke-dasharray:2 4;opacity:.75}\n"
    ".swatch.random{background:none;border-top:2px dotted var(--dim);height:0}\n"
    ".key span{white-space:nowrap;margin-left:10px}.key .swatch{margin-right:4px}\n"
    ".maps{grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr))}\n"
    "td.number{text-align:right;min-width:56px;padding-right:14px}"
    "td .range{color:var(--dim);font-size:12px;white-space:nowrap;display:block}\n"
    ".facts td{min-width:70px}\n";

um_status um_order_page_style(um_buffer *style, um_error *error) {
    UM_TRY(um_buffer_append_text(style, page_style, error));
    UM_TRY(um_heat_map_style(style, false, error));
    UM_TRY(um_buffer_append_text(style, "@media(prefers-color-scheme:dark){", error));
    UM_TRY(um_heat_map_style(style, true, error));
    return um_buffer_append_text(style, "}\n", error);
}

/* ---- Pictures ------------------------------------------------------------------- */

typedef struct palette {
    const char *ground, *text, *dim, *line;
    const char *sets[8];
} palette;

/* The same colours as on the pages. */
static const palette light = {
    "#fff",
    "#1f2328",
    "#59636e",
    "#d1d9e0",
    {"#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#1b7c83", "#9a6700", "#57606a"}};
static const palette dark = {
    "#0d1117",
    "#e6edf3",
    "#9198a1",
    "#3d444d",
    {"#58a6ff", "#f0883e", "#56d364", "#bc8cff", "#f778ba", "#39c5cf", "#e3b341", "#b1bac4"}};

static um_status put_palette(um_buffer *style, const palette *colours, um_error *error) {
    UM_TRY(um_buffer_append_format(
        style, error,
        ".ground{fill:%s}text{fill:%s}.title{fill:%s}.grid,.frame{stroke:%s}.axis{stroke:%s}"
        ".diagonal{stroke:%s}.random{stroke:%s}",
        colours->ground, colours->dim, colours->text, colours->line, colours->dim, colours->text,
        colours->dim));
    for (size_t i = 0; i < sizeof colours->sets / sizeof *colours->sets; i++) {
        UM_TRY(um_buffer_append_format(style, error,
                                       ".c%zu{stroke:%s}circle.c%zu{fill:%s}.band.c%zu{fill:%s}", i,
                                       colours->sets[i], i, colours->sets[i], i, colours->sets[i]));
    }
    return um_buffer_append_text(style, ".band{stroke:none}\n", error);
}

um_status um_order_picture_style(um_buffer *style, um_error *error) {
    UM_TRY(um_buffer_append_text(
        style,
        "text{font:12px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}"
        ".title{font-size:14px;font-weight:600}.grid{stroke-width:.6}.frame{fill:none}"
        ".diagonal{stroke-dasharray:3 4;opacity:.55}.curve{fill:none;stroke-width:1.8;"
        "stroke-linejoin:round;stroke-linecap:round}.more{stroke-dasharray:9 3}"
        ".random{stroke-dasharray:2 4}.chance{stroke-dasharray:2 "
        "4;opacity:.75}.band{opacity:.16}.cursor{display:none}\n",
        error));
    UM_TRY(put_palette(style, &light, error));
    UM_TRY(um_heat_map_style(style, false, error));
    UM_TRY(um_buffer_append_text(style, "@media(prefers-color-scheme:dark){\n", error));
    UM_TRY(put_palette(style, &dark, error));
    UM_TRY(um_heat_map_style(style, true, error));
    return um_buffer_append_text(style, "}\n", error);
}
