#include "page/html.h"

#include <string.h>

#include <utf8proc.h>

#include "base/utf8.h"

static const char *reference_of(int32_t code_point) {
    switch (code_point) {
        case '&':
            return "&amp;";
        case '<':
            return "&lt;";
        case '>':
            return "&gt;";
        case '"':
            return "&quot;";
        case '\'':
            return "&#39;";
        default:
            return NULL;
    }
}

/* Control characters and noncharacters, which no page may contain, and marks of direction, which
 * can make text look like another one. */
static bool is_deceptive(int32_t code) {
    const bool control =
        (code < 0x20 && code != '\t' && code != '\n') || (code >= 0x7f && code < 0xa0);
    const bool direction = code == 0x061c || code == 0x200e || code == 0x200f ||
                           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    const bool none = (code & 0xfffe) == 0xfffe || (code >= 0xfdd0 && code <= 0xfdef);
    return control || direction || none;
}

um_status um_html_text(um_buffer *page, const char *bytes, size_t length, um_error *error) {
    size_t plain = 0; /* bytes before `at` that go out as they are */
    size_t at = 0;
    while (at < length) {
        utf8proc_int32_t code = -1;
        const utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)bytes + at,
                                                       (utf8proc_ssize_t)(length - at), &code);
        const char *instead =
            used <= 0 || is_deceptive(code) ? UM_UTF8_REPLACEMENT : reference_of(code);
        const size_t taken = used <= 0 ? 1 : (size_t)used;
        if (!instead) {
            plain += taken;
        } else {
            UM_TRY(um_buffer_append(page, bytes + at - plain, plain, error));
            UM_TRY(um_buffer_append_text(page, instead, error));
            plain = 0;
        }
        at += taken;
    }
    return plain > 0 ? um_buffer_append(page, bytes + at - plain, plain, error) : UM_OK;
}

um_status um_html_element(um_buffer *page, const char *tag, const char *name, const char *text,
                          um_error *error) {
    if (name) {
        UM_TRY(um_buffer_append_format(page, error, "<%s class=\"%s\">", tag, name));
    } else {
        UM_TRY(um_buffer_append_format(page, error, "<%s>", tag));
    }
    UM_TRY(um_html_text(page, text, strlen(text), error));
    return um_buffer_append_format(page, error, "</%s>", tag);
}

/* The value of script-src. */
static um_status put_script_sources(um_buffer *page, const um_html_page *parts, um_error *error) {
    bool any = false;
    for (size_t i = 0; i < UM_HTML_SCRIPTS; i++) {
        if (parts->scripts[i].text) {
            UM_TRY(um_buffer_append_format(page, error, "%s'sha256-%s'", any ? " " : "",
                                           parts->scripts[i].sha256));
            any = true;
        }
    }
    return any ? UM_OK : um_buffer_append_text(page, "'none'", error);
}

um_status um_html_begin(um_buffer *page, const um_html_page *parts, um_error *error) {
    UM_TRY(um_buffer_append_text(page,
                                 "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                                 "<meta charset=\"utf-8\">\n"
                                 "<meta http-equiv=\"Content-Security-Policy\" content=\""
                                 "default-src 'none'; style-src 'unsafe-inline'; script-src ",
                                 error));
    UM_TRY(put_script_sources(page, parts, error));
    UM_TRY(um_buffer_append_text(page,
                                 "; base-uri 'none'; form-action 'none'\">\n"
                                 "<meta name=\"viewport\" content=\"width=device-width, "
                                 "initial-scale=1\">\n"
                                 "<meta name=\"color-scheme\" content=\"light dark\">\n",
                                 error));
    UM_TRY(um_html_element(page, "title", NULL, parts->title, error));
    UM_TRY(um_buffer_append_text(page, "\n<style>\n", error));
    UM_TRY(um_buffer_append_text(page, parts->style, error));
    return um_buffer_append_text(page, "</style>\n</head>\n<body>\n", error);
}

um_status um_html_end(um_buffer *page, const um_html_page *parts, um_error *error) {
    for (size_t i = 0; i < UM_HTML_SCRIPTS; i++) {
        if (parts->scripts[i].text) {
            UM_TRY(um_buffer_append_text(page, "<script>", error));
            UM_TRY(um_buffer_append_text(page, parts->scripts[i].text, error));
            UM_TRY(um_buffer_append_text(page, "</script>\n", error));
        }
    }
    return um_buffer_append_text(page, "</body>\n</html>\n", error);
}
