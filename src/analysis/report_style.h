/* Looks and behaviour that pages share. */
#ifndef UM_ANALYSIS_REPORT_STYLE_H
#define UM_ANALYSIS_REPORT_STYLE_H

/* The style sheet. */
extern const char um_report_style[];

/* Shows the values of a plot (svg_plot.h) under the pointer; its SHA-256 in base64. */
extern const char um_report_script[];
extern const char um_report_script_sha256[];

#endif
